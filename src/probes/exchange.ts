import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from './clock.ts';

/** One HTTP request as data. `path` is resolved against the target's base URL. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** The request certainly never reached the server: nothing was handed to an established connection. */
export type FailureReason =
  | 'connection refused'
  | 'name not resolved'
  | 'unreachable'
  | 'connection closed before sending'
  | 'TLS handshake failed'
  | 'no connection in time'
  | 'aborted before sending'
  | 'not a valid request';

/** The request was handed to an established connection, and no whole answer came back: the server may have acted on it. */
export type UnclearReason =
  | 'no answer in time'
  | 'connection closed before the answer'
  | 'answer cut'
  | 'answer is not HTTP'
  | 'aborted after sending';

/** Moments of one exchange on the clock's monotonic scale, in milliseconds. */
export interface ExchangeTiming {
  readonly startedMs: number;
  /** When an established connection had the request; absent when none ever did. */
  readonly sentMs?: number;
  readonly firstByteMs?: number;
  readonly endedMs: number;
}

interface Ended {
  readonly timing: ExchangeTiming;
  readonly reusedConnection: boolean;
}

/**
 * The three ends of a request. Only a whole answer is `answered`, whatever its status.
 * A cut request may have been carried out (a server was seen to cut a write at SIGTERM that still committed), so it is
 * `unclear` and never simply failed.
 */
export type Exchange =
  | (Ended & {
      readonly end: 'answered';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** The first `bodyLimit` bytes. */
      readonly body: Buffer;
      /** All bytes that the body had on the wire. */
      readonly bodyBytes: number;
    })
  | (Ended & { readonly end: 'failed'; readonly reason: FailureReason; readonly detail: string })
  | (Ended & {
      readonly end: 'unclear';
      readonly reason: UnclearReason;
      readonly detail: string;
      readonly status?: number;
    });

/** A pool of HTTP/1.1 keep-alive connections to one target. It never sends a request a second time. */
export interface ConnectionPool {
  readonly baseUrl: URL;
  readonly agent: HttpAgent | HttpsAgent;
  connectionsOpened(): number;
  close(): void;
}

/** Connections that are known to be established, so that a request on one counts as sent. */
const established = new WeakSet<Socket>();

export interface PoolOptions {
  readonly baseUrl: string;
  readonly connections: number;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string;
  /** A check of the certificate itself wants the answer of a server that it does not trust. */
  readonly certificate?: 'verified' | 'not verified';
}

/**
 * Opens no connection yet. Free connections are taken first-in first-out: the one that idled longest is used next, which
 * meets a server's closing of idle connections more often than the usual last-in first-out, as a strict witness should.
 */
export function openPool(options: PoolOptions): ConnectionPool {
  const baseUrl = new URL(options.baseUrl);
  const common = {
    keepAlive: true,
    maxSockets: options.connections,
    maxFreeSockets: options.connections,
    scheduling: 'fifo' as const,
  };
  const agent =
    baseUrl.protocol === 'https:'
      ? new HttpsAgent({
          ...common,
          rejectUnauthorized: options.certificate !== 'not verified',
          ...(options.ca === undefined ? {} : { ca: options.ca }),
        })
      : new HttpAgent(common);
  let opened = 0;
  return {
    baseUrl,
    agent: countConnections(agent, () => {
      opened += 1;
    }),
    connectionsOpened: () => opened,
    close: () => agent.destroy(),
  };
}

function countConnections(agent: HttpAgent | HttpsAgent, onConnection: () => void): HttpAgent | HttpsAgent {
  // `createConnection` is documented API of an Agent that its type definitions leave out.
  const open = Reflect.get(agent, 'createConnection');
  Reflect.set(agent, 'createConnection', (...parameters: unknown[]) => {
    onConnection();
    return Reflect.apply(open, agent, parameters);
  });
  return agent;
}

export interface SendOptions {
  readonly timeoutMs: number;
  /** Bytes of the body to keep; 0 discards it (it is still read to its end and counted). */
  readonly bodyLimit: number;
  readonly clock: Clock;
  /** Called when an established connection has the request. */
  readonly established?: (socket: Socket) => void;
}

/** Sends `request` once over `pool` and calls `settled` exactly once. */
export function send(
  pool: ConnectionPool,
  request: HttpRequest,
  options: SendOptions,
  settled: (exchange: Exchange) => void,
): { abort(): void } {
  const { clock } = options;
  const startedMs = clock.monotonicMs();
  let sentMs: number | undefined;
  let firstByteMs: number | undefined;
  let response: IncomingMessage | undefined;
  let isSettled = false;
  let stop: 'timeout' | 'abort' | undefined;

  const ended = (endedMs: number): Ended => ({
    timing: {
      startedMs,
      endedMs,
      ...(sentMs === undefined ? {} : { sentMs }),
      ...(firstByteMs === undefined ? {} : { firstByteMs }),
    },
    reusedConnection: outgoing?.reusedSocket ?? false,
  });
  const settle = (exchange: Exchange) => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    settled(exchange);
  };
  const settleWithoutAnswer = (error: Error) => {
    const base = ended(clock.monotonicMs());
    const detail = errorText(error);
    if (sentMs === undefined) settle({ ...base, end: 'failed', reason: failureReason(error, stop), detail });
    else {
      const status = response?.statusCode;
      const reason = unclearReason(error, stop, response !== undefined);
      settle({ ...base, end: 'unclear', reason, detail, ...(status === undefined ? {} : { status }) });
    }
  };

  const issue = pool.baseUrl.protocol === 'https:' ? requestHttps : requestHttp;
  const timer = setTimeout(() => cut('timeout'), options.timeoutMs);
  let outgoing: ReturnType<typeof issue> | undefined;
  const cut = (why: 'timeout' | 'abort') => {
    if (isSettled) return;
    stop = why;
    const error = new Error(
      why === 'timeout' ? `nothing whole within ${options.timeoutMs} ms` : 'aborted by the caller',
    );
    settleWithoutAnswer(error);
    outgoing?.destroy(error);
  };

  try {
    outgoing = issue(new URL(request.path, pool.baseUrl), {
      method: request.method,
      headers: { ...request.headers },
      agent: pool.agent,
    });
  } catch (error) {
    // Node refuses an illegal method, path or header before it touches a connection. The caller gets it as any other end: later.
    const exchange = {
      ...ended(clock.monotonicMs()),
      end: 'failed',
      reason: 'not a valid request',
      detail: errorText(error),
    } as const;
    queueMicrotask(() => settle(exchange));
    return { abort: () => cut('abort') };
  }

  outgoing.on('socket', (socket) => {
    whenEstablished(socket, () => {
      sentMs = clock.monotonicMs();
      options.established?.(socket);
    });
  });
  outgoing.on('error', settleWithoutAnswer);
  outgoing.on('close', () => settleWithoutAnswer(new Error('the connection closed')));
  outgoing.on('response', (incoming) => {
    response = incoming;
    firstByteMs = clock.monotonicMs();
    const kept: Buffer[] = [];
    let bodyBytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      const room = options.bodyLimit - bodyBytes;
      if (room > 0) kept.push(chunk.subarray(0, room));
      bodyBytes += chunk.length;
    });
    incoming.on('error', settleWithoutAnswer);
    incoming.on('close', () => settleWithoutAnswer(new Error('the answer ended early')));
    incoming.on('end', () => {
      const base = ended(clock.monotonicMs());
      const { statusCode: status = 0, headers } = incoming;
      settle({ ...base, end: 'answered', status, headers, body: Buffer.concat(kept), bodyBytes });
    });
  });
  outgoing.end(request.body);
  return { abort: () => cut('abort') };
}

function whenEstablished(socket: Socket, then: () => void): void {
  if (established.has(socket)) {
    then();
    return;
  }
  const event = socket instanceof TLSSocket ? 'secureConnect' : 'connect';
  socket.once(event, () => {
    established.add(socket);
    then();
  });
}

function errorCode(error: Error): string {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : '';
}

/** The message with its code in front, without a stack. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = errorCode(error);
  // A connection attempt to several addresses fails as an AggregateError whose own message is empty.
  const message = error.message || (error instanceof AggregateError ? error.errors.map(errorText).join('; ') : '');
  return code === '' || message.includes(code) ? message : `${code}: ${message}`;
}

/** Why no connection had the request, from the error that Node gives. */
export function failureReason(error: Error, stop?: 'timeout' | 'abort'): FailureReason {
  if (stop === 'timeout') return 'no connection in time';
  if (stop === 'abort') return 'aborted before sending';
  const code = errorCode(error);
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'name not resolved';
  if (['ENETUNREACH', 'EHOSTUNREACH', 'ETIMEDOUT', 'EADDRNOTAVAIL', 'EMFILE'].includes(code)) return 'unreachable';
  if (isTlsError(code)) return 'TLS handshake failed';
  return 'connection closed before sending';
}

function isTlsError(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|ERR_OSSL)/.test(code);
}

function unclearReason(error: Error, stop: 'timeout' | 'abort' | undefined, answerBegan: boolean): UnclearReason {
  if (stop === 'timeout') return 'no answer in time';
  if (stop === 'abort') return 'aborted after sending';
  if (errorCode(error).startsWith('HPE_')) return 'answer is not HTTP';
  return answerBegan ? 'answer cut' : 'connection closed before the answer';
}
