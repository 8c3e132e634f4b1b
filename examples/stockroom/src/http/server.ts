import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isUnavailable, NotSent } from '../database.ts';
import { errorFields, log } from '../log.ts';
import type { ServiceMetrics } from '../metrics.ts';
import type { Request } from './request.ts';
import { HttpError, type Response } from './response.ts';
import { matchRoute, type Route } from './router.ts';
import { securityHeaders } from './security-headers.ts';

/**
 * Longer than proxies keep an idle upstream connection (Caddy 2 minutes, nginx 60 s), so that the proxy closes it
 * and never sends a request into a connection that this end has just closed.
 */
const KEEP_ALIVE_MS = 150_000;

/** What is counted where the client left before its answer was written; nginx's number for it. */
const CLIENT_GONE = 499;

export interface ServerOptions {
  readonly routes: readonly Route[];
  readonly metrics: ServiceMetrics;
  /** Turns a refusal into a page or a JSON body, as the path asks. */
  readonly renderError: (error: HttpError, path: string) => Response;
  readonly isDraining: () => boolean;
}

export function createHttpServer(options: ServerOptions): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 30_000, headersTimeout: 10_000 });
  server.on('request', (message, out) => {
    answer(options, message, out).catch((error: unknown) => {
      log('error', 'response failed', errorFields(error));
      out.destroy();
    });
  });
  return server;
}

async function answer(options: ServerOptions, message: IncomingMessage, out: ServerResponse): Promise<void> {
  const started = process.hrtime.bigint();
  const method = message.method ?? 'GET';
  const url = parseTarget(message.url ?? '/');
  const match = matchRoute(options.routes, method, url.pathname);
  // Unmatched paths share one label: a scanner must not create a series for each path that it tries.
  const route = match.found ? match.route.pattern : 'unmatched';
  out.on('close', () => {
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    options.metrics.observeRequest(method, route, out.writableFinished ? out.statusCode : CLIENT_GONE, seconds);
  });

  const response = await respond(options, message, method, url, match);
  const headers: Record<string, string> = { ...securityHeaders(message), ...response.headers };
  headers['content-length'] = String(Buffer.byteLength(response.body));
  // After a drain has begun each connection ends with the answer it is on. One whose body was not read to its end
  // cannot carry another request.
  if (options.isDraining() || !message.complete) headers.connection = 'close';
  out.writeHead(response.status, headers);
  out.end(response.body);
}

/** In no address of ours, and in no text of Postgres. */
const NUL = '%00';

function parseTarget(target: string): URL {
  // Always parsed as a path: a target like '//host/x' must not become another host.
  return URL.canParse(`http://local${target}`) ? new URL(`http://local${target}`) : new URL(`http://local/${NUL}`);
}

async function respond(
  options: ServerOptions,
  message: IncomingMessage,
  method: string,
  url: URL,
  match: ReturnType<typeof matchRoute>,
): Promise<Response> {
  const path = url.pathname;
  if (url.href.includes(NUL)) {
    return options.renderError(new HttpError(400, 'invalid_address', 'This address cannot be read.'), path);
  }
  if (!match.found) {
    if (match.allowed.length === 0) {
      return options.renderError(new HttpError(404, 'not_found', 'There is nothing at this address.'), path);
    }
    const refusal = options.renderError(new HttpError(405, 'method_not_allowed', 'Not with this method.'), path);
    return { ...refusal, headers: { ...refusal.headers, allow: match.allowed.join(', ') } };
  }
  const request: Request = { method, path, query: url.searchParams, params: match.params, message };
  try {
    return await match.route.handler(request);
  } catch (error) {
    const refusal = toHttpError(error);
    if (refusal.status >= 500) {
      log('error', 'request failed', {
        method,
        route: match.route.pattern,
        status: refusal.status,
        ...errorFields(error),
      });
    }
    const response = options.renderError(refusal, path);
    return refusal.status === 503 ? { ...response, headers: { ...response.headers, 'retry-after': '2' } } : response;
  }
}

/** A write that was cut may still have been committed; `outcome` says whether that can be. */
function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (isUnavailable(error)) {
    return new HttpError(503, 'unavailable', 'The database cannot be reached. Please try again in a moment.', {
      outcome: error instanceof NotSent ? 'not_recorded' : 'unknown',
    });
  }
  return new HttpError(500, 'internal_error', 'Something went wrong on our side.');
}
