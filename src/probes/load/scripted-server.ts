import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createServer as createTlsServer } from 'node:tls';

/** How long the n-th request (from 0) is held, in milliseconds. */
export type LatencyScript =
  | { readonly kind: 'constant'; readonly ms: number }
  /** Every `slowEvery`-th request takes `slowMs`, all others `fastMs`. */
  | { readonly kind: 'mixture'; readonly fastMs: number; readonly slowMs: number; readonly slowEvery: number }
  /** Requests that arrive in the stall are answered at its end; `fromMs` counts from the first request. */
  | { readonly kind: 'stall'; readonly fromMs: number; readonly lengthMs: number };

/** What the server does with a request, once its latency has passed. */
export type Misbehaviour =
  | 'none'
  /** Sends the head and half of the body, then resets. */
  | 'cut mid-answer'
  /** Reads the request and closes without a byte. */
  | 'close without answer'
  | 'reset without answer'
  /** Answers, and closes the connection at once although it promised to keep it. */
  | 'close after answer'
  | 'never answer'
  | 'answer 500'
  | 'answer garbage';

export interface ScriptedServerOptions {
  readonly latency: LatencyScript;
  /** For the n-th request, from 0. */
  readonly misbehaves?: (request: number) => Misbehaviour;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface ScriptedServer {
  readonly url: string;
  /**
   * How long the server really held requests, as a quantile in milliseconds. On a busy machine that is longer than the script
   * says, and then it is what a generator must be held against.
   */
  heldMs(quantile: number): number;
  /** Whole requests that reached the server. */
  received(): number;
  connections(): number;
  openConnections(): number;
  /** Closes every connection that is idle now, as a reloaded load balancer does. */
  closeIdleConnections(): void;
  close(): Promise<void>;
}

const SPUN_MS = 2;
const BODY = '{"stock":"answer of the scripted server"}';
const HEAD_END = '\r\n\r\n';

/**
 * A server on a free loopback port whose latencies are known in advance: the positive control of the load generator.
 * It speaks as much HTTP/1.1 as that needs, without Node's HTTP server, so that it answers a thousand at a time on time.
 */
export async function startScriptedServer(options: ScriptedServerOptions): Promise<ScriptedServer> {
  let received = 0;
  let connections = 0;
  let firstMs: number | undefined;
  const schedule = new Schedule();
  const held: number[] = [];
  const sockets = new Set<Socket>();
  const busy = new Set<Socket>();
  const handle = (socket: Socket) => {
    const arrivedMs = performance.now();
    firstMs ??= arrivedMs;
    const sequence = received;
    received += 1;
    busy.add(socket);
    const holdMs = heldFor(options.latency, sequence, arrivedMs - firstMs);
    const behaviour = options.misbehaves?.(sequence) ?? 'none';
    const act = () => {
      if (behaviour !== 'never answer') busy.delete(socket);
      held.push(performance.now() - arrivedMs);
      if (!socket.destroyed) answer(socket, behaviour);
    };
    if (holdMs === 0) act();
    else schedule.at(arrivedMs + holdMs, act);
  };
  const accept = (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    // A client that goes away is none of the script's business.
    socket.on('error', () => {});
    eachRequest(socket, () => handle(socket));
  };
  const server: Server = options.tls === undefined ? createServer(accept) : createTlsServer(options.tls, accept);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    heldMs: (quantile) => {
      const sorted = held.toSorted((a, b) => a - b);
      return sorted[Math.max(0, Math.ceil(quantile * sorted.length - 1e-9) - 1)] ?? 0;
    },
    received: () => received,
    connections: () => connections,
    openConnections: () => sockets.size,
    closeIdleConnections: () => {
      for (const socket of sockets) if (!busy.has(socket)) socket.end();
    },
    close: () =>
      new Promise((resolve) => {
        schedule.stop();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Calls `whole` for each request whose head and body have arrived. */
function eachRequest(socket: Socket, whole: () => void): void {
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    for (;;) {
      const headEnd = text.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const length = Number(/^content-length: (\d+)/im.exec(text.slice(0, headEnd))?.[1] ?? 0);
      const end = headEnd + HEAD_END.length + length;
      if (text.length < end) return;
      text = text.slice(end);
      whole();
    }
  });
}

function heldFor(script: LatencyScript, sequence: number, sinceFirstMs: number): number {
  switch (script.kind) {
    case 'constant':
      return script.ms;
    case 'mixture':
      return sequence % script.slowEvery === script.slowEvery - 1 ? script.slowMs : script.fastMs;
    case 'stall': {
      const endMs = script.fromMs + script.lengthMs;
      return sinceFirstMs >= script.fromMs && sinceFirstMs < endMs ? endMs - sinceFirstMs : 0;
    }
  }
}

/**
 * Answers in the order of their due times. A timer has a grain of a millisecond, so the last part is spun away: this server's
 * latencies are the reference that a generator is held against.
 */
class Schedule {
  readonly #due: { readonly dueMs: number; readonly act: () => void }[] = [];
  #armedForMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  stop(): void {
    clearTimeout(this.#timer);
    this.#armedForMs = Number.POSITIVE_INFINITY;
    this.#due.length = 0;
  }

  at(dueMs: number, act: () => void): void {
    let place = this.#due.length;
    while (place > 0 && (this.#due[place - 1]?.dueMs ?? 0) > dueMs) place -= 1;
    this.#due.splice(place, 0, { dueMs, act });
    if (dueMs < this.#armedForMs) this.#arm(dueMs);
  }

  #arm(dueMs: number): void {
    this.#armedForMs = dueMs;
    const leftMs = dueMs - performance.now();
    clearTimeout(this.#timer);
    if (leftMs > SPUN_MS) this.#timer = setTimeout(() => this.#run(dueMs), Math.floor(leftMs - 1));
    else setImmediate(() => this.#run(dueMs));
  }

  #run(armedForMs: number): void {
    if (armedForMs !== this.#armedForMs) return;
    let done = 0;
    for (const { dueMs, act } of this.#due) {
      if (performance.now() < dueMs) break;
      act();
      done += 1;
    }
    this.#due.splice(0, done);
    const next = this.#due[0];
    this.#armedForMs = Number.POSITIVE_INFINITY;
    if (next !== undefined) this.#arm(next.dueMs);
  }
}

const answerHead = (status: string) =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n`;
const SOUND_ANSWER = Buffer.from(answerHead('200 OK') + BODY);

function answer(socket: Socket, behaviour: Misbehaviour): void {
  switch (behaviour) {
    case 'none':
      socket.write(SOUND_ANSWER);
      return;
    case 'answer 500':
      socket.write(answerHead('500 Internal Server Error') + BODY);
      return;
    case 'never answer':
      return;
    case 'close without answer':
      socket.end();
      return;
    case 'reset without answer':
      socket.resetAndDestroy();
      return;
    case 'answer garbage':
      socket.end('this is not HTTP\r\n\r\n');
      return;
    case 'cut mid-answer':
      socket.write(answerHead('200 OK') + BODY.slice(0, BODY.length / 2), () => socket.destroy());
      return;
    case 'close after answer':
      socket.end(SOUND_ANSWER);
  }
}
