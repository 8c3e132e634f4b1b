import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../clock.ts';
import { type FailureReason, failureReason, type UnclearReason } from '../exchange.ts';
import { AnswerParser } from './answer-parser.ts';

interface Timing {
  readonly startedMs: number;
  /** When an established connection had the request. */
  readonly sentMs?: number;
  readonly endedMs: number;
}

/** The three ends of a request of the load, as an `Exchange` has them. */
export type RequestEnd =
  | { readonly end: 'answered'; readonly status: number; readonly timing: Timing }
  | { readonly end: 'failed'; readonly reason: FailureReason; readonly timing: Timing }
  | { readonly end: 'unclear'; readonly reason: UnclearReason; readonly timing: Timing };

/** One request on its way through the pool. */
interface Job {
  readonly method: string;
  readonly bytes: string | Buffer;
  readonly startedMs: number;
  readonly ended: (end: RequestEnd) => void;
  timer?: NodeJS.Timeout;
  sentMs?: number;
  connection?: Connection;
  isEnded: boolean;
}

export interface LoadConnectionOptions {
  readonly baseUrl: URL;
  readonly limit: number;
  readonly timeoutMs: number;
  readonly ca?: string;
  readonly clock: Clock;
}

/**
 * A strict pool of HTTP/1.1 keep-alive connections: a request is written once, to one connection, and whatever becomes of it is
 * counted. A connection that the server closed while it was idle is replaced, which is no failure: no request was on it.
 * The free connection that idled longest is used next, which meets a server's closing of idle ones as often as possible.
 */
export class LoadConnections {
  readonly #options: LoadConnectionOptions;
  readonly #all = new Set<Connection>();
  readonly #free = new Set<Connection>();
  readonly #waiting = new Set<Job>();
  #opening = 0;
  opened = 0;

  constructor(options: LoadConnectionOptions) {
    this.#options = options;
  }

  send(method: string, bytes: string | Buffer, ended: (end: RequestEnd) => void): void {
    const job: Job = { method, bytes, startedMs: this.#options.clock.monotonicMs(), ended, isEnded: false };
    job.timer = setTimeout(() => this.#cut(job, 'timeout'), this.#options.timeoutMs);
    const [free] = this.#free;
    if (free !== undefined) {
      this.#free.delete(free);
      this.#write(free, job);
      return;
    }
    this.#waiting.add(job);
    if (this.#opening < this.#waiting.size && this.#all.size < this.#options.limit) this.#open();
  }

  /** Cuts every request on its way. */
  abort(): void {
    for (const job of [...this.#waiting]) this.#cut(job, 'abort');
    for (const { job } of [...this.#all]) if (job !== undefined) this.#cut(job, 'abort');
  }

  close(): void {
    for (const { socket } of this.#all) socket.destroy();
  }

  #open(): void {
    this.opened += 1;
    this.#opening += 1;
    const connection = new Connection(this.#options, {
      established: () => {
        this.#opening -= 1;
        this.#use(connection);
      },
      answered: (job, status) => {
        this.#end(job, { end: 'answered', status, timing: this.#timing(job) });
        if (connection.parser.keepsConnection) this.#use(connection);
        else connection.socket.destroy();
      },
      closed: (error) => {
        this.#all.delete(connection);
        this.#free.delete(connection);
        if (!connection.isEstablished) this.#failedToOpen(error);
        else if (connection.job !== undefined) this.#cutByServer(connection.job, connection.parser, error);
        // Requests that still wait were counting on this connection.
        else this.#openForWaiting();
      },
    });
    this.#all.add(connection);
  }

  /** Gives a connection that became free to the request that waited longest. */
  #use(connection: Connection): void {
    const [job] = this.#waiting;
    if (job === undefined) {
      this.#free.add(connection);
      return;
    }
    this.#waiting.delete(job);
    this.#write(connection, job);
  }

  #write(connection: Connection, job: Job): void {
    job.sentMs = this.#options.clock.monotonicMs();
    job.connection = connection;
    connection.send(job);
  }

  /** Each attempt to connect was made for one request; the one that waited longest bears its failure. */
  #failedToOpen(error: Error): void {
    this.#opening -= 1;
    const [job] = this.#waiting;
    if (job !== undefined) this.#end(job, { end: 'failed', reason: failureReason(error), timing: this.#timing(job) });
    this.#openForWaiting();
  }

  #openForWaiting(): void {
    while (this.#opening < this.#waiting.size && this.#all.size < this.#options.limit) this.#open();
  }

  #cutByServer(job: Job, parser: AnswerParser, error: Error): void {
    const began = parser.began ? 'answer cut' : 'connection closed before the answer';
    this.#end(job, {
      end: 'unclear',
      reason: error === NOT_HTTP ? 'answer is not HTTP' : began,
      timing: this.#timing(job),
    });
    this.#openForWaiting();
  }

  #cut(job: Job, why: 'timeout' | 'abort'): void {
    const timing = this.#timing(job);
    const { connection } = job;
    if (connection === undefined) {
      this.#end(job, {
        end: 'failed',
        reason: why === 'timeout' ? 'no connection in time' : 'aborted before sending',
        timing,
      });
      return;
    }
    this.#end(job, {
      end: 'unclear',
      reason: why === 'timeout' ? 'no answer in time' : 'aborted after sending',
      timing,
    });
    // A late answer would be taken for that of the next request.
    connection.socket.destroy();
  }

  #timing(job: Job): Timing {
    const endedMs = this.#options.clock.monotonicMs();
    const { startedMs, sentMs } = job;
    return sentMs === undefined ? { startedMs, endedMs } : { startedMs, sentMs, endedMs };
  }

  #end(job: Job, end: RequestEnd): void {
    if (job.isEnded) return;
    job.isEnded = true;
    clearTimeout(job.timer);
    this.#waiting.delete(job);
    if (job.connection !== undefined) delete job.connection.job;
    job.ended(end);
  }
}

const NOT_HTTP = new Error('the answer is not HTTP');
const CLOSED = new Error('the server closed the connection');

interface ConnectionEvents {
  established(): void;
  answered(job: Job, status: number): void;
  closed(error: Error): void;
}

class Connection {
  readonly socket: Socket;
  readonly parser = new AnswerParser();
  job?: Job;
  isEstablished = false;
  readonly #events: ConnectionEvents;
  #error: Error = CLOSED;

  constructor({ baseUrl, ca }: LoadConnectionOptions, events: ConnectionEvents) {
    this.#events = events;
    const isTls = baseUrl.protocol === 'https:';
    const host = baseUrl.hostname.replace(/^\[|\]$/g, '');
    const port = baseUrl.port === '' ? (isTls ? 443 : 80) : Number(baseUrl.port);
    this.socket = isTls
      ? connectTls({
          host,
          port,
          ALPNProtocols: ['http/1.1'],
          // RFC 6066: a server name is never an address.
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...(ca === undefined ? {} : { ca }),
        })
      : connectTcp({ host, port });
    this.socket.setNoDelay(true);
    this.socket.once(isTls ? 'secureConnect' : 'connect', () => {
      this.isEstablished = true;
      events.established();
    });
    this.socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.socket.on('end', () => this.#ended());
    this.socket.on('error', (error) => {
      this.#error = error;
    });
    this.socket.on('close', () => events.closed(this.#error));
  }

  send(job: Job): void {
    this.job = job;
    this.parser.expect(job.method);
    this.socket.write(job.bytes);
  }

  #read(bytes: Buffer): void {
    if (this.job === undefined) {
      this.socket.destroy();
      return;
    }
    const step = this.parser.push(bytes);
    if (step === 'complete') this.#events.answered(this.job, this.parser.status);
    else if (step === 'not HTTP') {
      this.#error = NOT_HTTP;
      this.socket.destroy();
    }
  }

  #ended(): void {
    if (this.job !== undefined && this.parser.close() === 'complete')
      this.#events.answered(this.job, this.parser.status);
    this.socket.destroy();
  }
}
