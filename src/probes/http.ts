import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Clock, systemClock } from './clock.ts';
import { type ConnectionPool, type Exchange, type HttpRequest, openPool, send } from './exchange.ts';

export interface HttpTarget {
  readonly baseUrl: string;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string;
  /** `not verified` sees the answer of a server whose certificate nobody vouches for; the observation says so. */
  readonly certificate?: 'verified' | 'not verified';
  readonly timeoutMs: number;
  /** Bytes of the body to keep; the rest is read and counted. */
  readonly bodyLimit?: number;
  readonly clock?: Clock;
}

export interface TlsOfRequest {
  readonly protocol: string;
  readonly cipher: string;
  readonly certificate: { readonly kind: 'trusted' } | { readonly kind: 'not trusted'; readonly reason: string };
}

/** One request and what became of it; an error is one of its ends. */
export interface HttpObservation {
  /** ISO 8601. */
  readonly at: string;
  readonly method: string;
  readonly url: string;
  readonly exchange: Exchange;
  readonly tls?: TlsOfRequest;
}

const BODY_LIMIT = 1_048_576;
const CONNECTIONS = 1;

/** Sends one request on a connection of its own. Follows no redirect and repeats nothing. */
export async function observe(target: HttpTarget, request: HttpRequest): Promise<HttpObservation> {
  const pool = openPool({ ...target, connections: CONNECTIONS });
  try {
    return await observeOver(pool, target, request);
  } finally {
    pool.close();
  }
}

/** As `observe`, on a pool that the caller keeps. */
export function observeOver(
  pool: ConnectionPool,
  target: Pick<HttpTarget, 'timeoutMs' | 'bodyLimit' | 'clock'>,
  request: HttpRequest,
): Promise<HttpObservation> {
  const clock = target.clock ?? systemClock;
  const at = new Date(clock.wallMs()).toISOString();
  const url = URL.canParse(request.path, pool.baseUrl.href) ? new URL(request.path, pool.baseUrl).href : request.path;
  let tls: TlsOfRequest | undefined;
  const options = {
    timeoutMs: target.timeoutMs,
    bodyLimit: target.bodyLimit ?? BODY_LIMIT,
    clock,
    established: (socket: Socket) => {
      tls = tlsOf(socket);
    },
  };
  return new Promise((resolve) => {
    send(pool, request, options, (exchange) => {
      resolve({ at, method: request.method, url, exchange, ...(tls === undefined ? {} : { tls }) });
    });
  });
}

function tlsOf(socket: Socket): TlsOfRequest | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    certificate: socket.authorized
      ? { kind: 'trusted' }
      : { kind: 'not trusted', reason: String(socket.authorizationError ?? 'unknown reason') },
  };
}

/** What an answer must look like. Status alone says little: some servers answer 200 to every path. */
export interface Expectation {
  readonly status: number | readonly number[];
  /** Media type without parameters, such as `application/json`. */
  readonly type?: string;
  readonly body?: { readonly contains: string } | { readonly json: JsonValue };
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

export type Match =
  | { readonly kind: 'matches' }
  | { readonly kind: 'differs'; readonly differences: readonly string[] }
  | { readonly kind: 'no answer'; readonly reason: string };

/** A JSON expectation is a subset: named members must be there and match, each listed element must be found in the array. */
export function match(exchange: Exchange, expectation: Expectation): Match {
  if (exchange.end !== 'answered') return { kind: 'no answer', reason: `${exchange.reason}: ${exchange.detail}` };
  const differences: string[] = [];
  const statuses: readonly number[] =
    typeof expectation.status === 'number' ? [expectation.status] : expectation.status;
  if (!statuses.includes(exchange.status))
    differences.push(`status ${exchange.status}, expected ${statuses.join(' or ')}`);
  const type = contentType(exchange);
  if (expectation.type !== undefined && type !== expectation.type.toLowerCase())
    differences.push(`type ${type ?? 'none'}, expected ${expectation.type}`);
  if (expectation.body !== undefined) differences.push(...bodyDifferences(exchange, expectation.body));
  return differences.length === 0 ? { kind: 'matches' } : { kind: 'differs', differences };
}

type Answered = Extract<Exchange, { end: 'answered' }>;

/** The media type in lower case and without parameters. */
export function contentType({ headers }: Answered): string | undefined {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase();
}

function bodyDifferences(answer: Answered, expected: NonNullable<Expectation['body']>): readonly string[] {
  // The body itself is not repeated: it may hold personal data.
  const cut = answer.body.length < answer.bodyBytes ? ` within its first ${answer.body.length} bytes` : '';
  const text = answer.body.toString('utf8');
  if ('contains' in expected)
    return text.includes(expected.contains) ? [] : [`body does not contain '${expected.contains}'${cut}`];
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [`body is not JSON${cut}`];
  }
  return jsonDifferences(json, expected.json, 'body');
}

function jsonDifferences(observed: unknown, expected: JsonValue, where: string): readonly string[] {
  if (Array.isArray(expected)) {
    if (!Array.isArray(observed)) return [`${where} is not an array`];
    return expected.flatMap((element: JsonValue, index) =>
      observed.some((candidate) => jsonDifferences(candidate, element, where).length === 0)
        ? []
        : [`${where} has no element like the expected number ${index + 1}`],
    );
  }
  if (typeof expected === 'object' && expected !== null) {
    if (typeof observed !== 'object' || observed === null || Array.isArray(observed))
      return [`${where} is not an object`];
    return Object.entries(expected).flatMap(([name, value]) =>
      Object.hasOwn(observed, name)
        ? jsonDifferences(Reflect.get(observed, name), value, `${where}.${name}`)
        : [`${where}.${name} is absent`],
    );
  }
  return observed === expected ? [] : [`${where} is not ${JSON.stringify(expected)}`];
}

/** A path that no app serves, beside `path`: the negative control of a check that expects an answer at `path`. */
export function randomPathBeside(path: string): string {
  const folder = path.split(/[?#]/)[0]?.replace(/[^/]*$/, '') ?? '/';
  return `${folder}holdpoint-control-${randomUUID()}`;
}

/** `cannot tell`: a random path is answered the same way, so the answer at the path proves nothing. */
export type ControlledMatch = {
  readonly observation: HttpObservation;
  readonly control: HttpObservation;
  readonly match: Match | { readonly kind: 'cannot tell'; readonly reason: string };
};

/** Asks for the path and, as a negative control, for a random one beside it, which must not meet the same expectation. */
export async function observeWithControl(
  target: HttpTarget,
  request: HttpRequest,
  expectation: Expectation,
): Promise<ControlledMatch> {
  const observation = await observe(target, request);
  const control = await observe(target, { ...request, path: randomPathBeside(request.path) });
  const found = match(observation.exchange, expectation);
  if (found.kind !== 'matches') return { observation, control, match: found };
  const controlMatch = match(control.exchange, expectation);
  if (controlMatch.kind === 'differs') return { observation, control, match: found };
  const reason =
    controlMatch.kind === 'matches'
      ? 'a random path is answered in the same way, so this answer proves nothing'
      : `the control at a random path got no answer: ${controlMatch.reason}`;
  return { observation, control, match: { kind: 'cannot tell', reason } };
}
