import type { IncomingMessage } from 'node:http';
import { HttpError } from './response.ts';

/** Largest request body that is read, in bytes. A movement has a few hundred. */
const MAX_BODY_BYTES = 16 * 1024;

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly params: Readonly<Record<string, string>>;
  readonly message: IncomingMessage;
}

export function header(request: Request, name: string): string | undefined {
  const value = request.message.headers[name];
  return typeof value === 'string' ? value : undefined;
}

export async function readForm(request: Request): Promise<URLSearchParams> {
  return new URLSearchParams(await readBody(request, 'application/x-www-form-urlencoded'));
}

export async function readJson(request: Request): Promise<unknown> {
  const text = await readBody(request, 'application/json');
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400, 'invalid_json', 'The body is not valid JSON.');
  }
}

async function readBody(request: Request, contentType: string): Promise<string> {
  if ((header(request, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase() !== contentType) {
    throw new HttpError(415, 'unsupported_media_type', `Send the body as ${contentType}.`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.message) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        throw new HttpError(413, 'body_too_large', `The body may have at most ${MAX_BODY_BYTES} bytes.`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    // A client that leaves in the middle is not a failure of ours.
    throw error instanceof HttpError ? error : new HttpError(400, 'body_cut', 'The body did not arrive whole.');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A whole number from the query string; anything else is the caller's mistake and gets a 400. */
export function integerQuery(
  request: Request,
  name: string,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number {
  const text = request.query.get(name);
  if (text === null || text === '') return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new HttpError(400, 'invalid_query', `${name} must be a whole number from ${min} to ${max}.`);
  }
  return value;
}
