import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Problem, ProblemError, problemOf } from '../../evidence/problem.ts';
import type { Notices } from '../notices.ts';
import { type FromAgent, lineOf, lines, packed, type Target, type ToAgent, unpacked, type Wire } from './wire.ts';

/** How often a call may be carried out: one that may not be repeated is lost with the agent that had it. */
export type Repeatable = 'any number of times' | 'once';

export type Call = {
  readonly target: Target;
  readonly method: string;
  readonly input: unknown;
  readonly repeatable: Repeatable;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

type Pending = {
  readonly call: Call;
  /** The life of the agent that has it. */
  life: string | undefined;
  linesSeen: number;
  settle(end: { readonly value: unknown } | { readonly thrown: ProblemError }): void;
};

export type AgentClientSettings = {
  /** Raises the line and the agent, and returns the path of a socket here that leads to it. */
  readonly reach: () => Promise<string>;
  readonly destination: string;
  /** What people call the host. */
  readonly name: string;
  /** How long a dropped line may take to come back before calls end, in milliseconds. */
  readonly patience: number;
  /** Told when the line drops, and when it is back. While somebody listens it is raised again at once. */
  readonly notices: Notices;
};

/** A call that the agent had when the line or the agent went: whether it was carried out is not known. */
export class LostCall extends ProblemError {}

/** From a connection to the agent's first word. */
const HELLO_WITHIN_MS = 10_000;
const PING_EVERY_MS = 10_000;
/** An agent that is silent for so long has stopped, or the line has and ssh did not notice. */
const SILENCE_MS = 45_000;
const BETWEEN_TRIES_MS = 500;
/** A line that is back sooner is no news. */
const NEWS_AFTER_MS = 2_000;

/**
 * Calls to the agent. Over a line that drops they are asked for again, each under its own id, so that the agent carries
 * none out twice; what is not answered within the patience ends with a Problem.
 */
export class AgentClient {
  readonly #settings: AgentClientSettings;
  readonly #pending = new Map<string, Pending>();
  #socket: Socket | undefined;
  /** Of the agent last spoken to; undefined also once it was given up. */
  #life: string | undefined;
  #connecting: Promise<void> | undefined;
  #closed = false;

  constructor(settings: AgentClientSettings) {
    this.#settings = settings;
  }

  call(call: Call): Promise<unknown> {
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const abort = () => this.#send({ kind: 'cancel', id });
      const pending: Pending = {
        call,
        life: undefined,
        linesSeen: 0,
        settle: (end) => {
          this.#pending.delete(id);
          call.signal?.removeEventListener('abort', abort);
          if (this.#pending.size === 0) this.#socket?.unref();
          if ('thrown' in end) reject(end.thrown);
          else resolve(end.value);
        },
      };
      this.#pending.set(id, pending);
      call.signal?.addEventListener('abort', abort, { once: true });
      void this.ready().then(
        () => this.#ask(id, pending),
        // A connection that came up for a moment may have handed it over.
        (thrown) => this.#pending.get(id)?.settle({ thrown: this.#unanswered(pending, problemOf(thrown)) }),
      );
    });
  }

  #ask(id: string, pending: Pending): void {
    if (this.#pending.get(id) !== pending || pending.life === this.#life) return;
    const { call } = pending;
    if (pending.life !== undefined && call.repeatable === 'once') {
      pending.settle({
        thrown: new LostCall(this.#problem(`the agent there ended while it carried out \`${call.method}\``)),
      });
      return;
    }
    pending.life = this.#life;
    this.#send({ kind: 'call', id, target: call.target, method: call.method, input: packed(call.input) });
    if (call.signal?.aborted === true) this.#send({ kind: 'cancel', id });
  }

  #send(message: ToAgent): void {
    this.#socket?.ref();
    this.#socket?.write(lineOf(message));
  }

  /**
   * Waits until the agent answers.
   *
   * @throws ProblemError `host`
   */
  ready(): Promise<void> {
    if (this.#socket !== undefined) return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<void> {
    // The first connection is not waited for: what is wrong with it is a person's to mend.
    if (this.#life === undefined) return this.#open(await this.#settings.reach());
    const { patience, notices, name } = this.#settings;
    const begun = performance.now();
    let told = false;
    const news = setTimeout(() => {
      told = true;
      notices.tell(`the line to ${name} dropped; trying again (for ${inWords(patience)})`, 'from now on');
    }, NEWS_AFTER_MS);
    try {
      await this.#reconnect(begun + patience);
      const away = Math.round((performance.now() - begun) / 1_000);
      if (told) notices.tell(`the line to ${name} is back after ${away} s`, 'for the moment');
    } catch (thrown) {
      if (told) notices.tell(`the line to ${name} did not come back`, 'for the moment');
      throw thrown;
    } finally {
      clearTimeout(news);
    }
  }

  async #reconnect(deadline: number): Promise<void> {
    for (;;) {
      if (this.#closed) throw new ProblemError(this.#problem('the line was closed'));
      try {
        return await this.#open(await this.#settings.reach());
      } catch (thrown) {
        if (this.#closed) throw thrown;
        if (performance.now() > deadline) {
          this.#life = undefined;
          const why = problemOf(thrown);
          throw new ProblemError({
            ...this.#problem(`the line dropped and did not come back within ${inWords(this.#settings.patience)}`),
            detail: [why.what, ...(why.detail ?? [])],
          });
        }
        await sleep(BETWEEN_TRIES_MS);
      }
    }
  }

  #open(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const silent = setTimeout(() => socket.destroy(), HELLO_WITHIN_MS);
      let heard = performance.now();
      const read = lines((line) => {
        const message = JSON.parse(line) as FromAgent;
        if (message.kind !== 'hello') return this.#hear(message);
        clearTimeout(silent);
        this.#socket = socket;
        const before = this.#life;
        this.#life = message.life;
        resolve();
        // Over a new line to the same agent: it still has them. To another one: they are asked for anew, or lost.
        for (const [id, pending] of [...this.#pending]) {
          if (pending.life === before && before === this.#life) pending.life = undefined;
          this.#ask(id, pending);
        }
        if (this.#pending.size === 0) socket.unref();
      });
      socket.on('data', (chunk) => {
        heard = performance.now();
        try {
          read(chunk);
        } catch {
          // Not our agent's words: another connection begins afresh.
          socket.destroy();
        }
      });
      const ping = setInterval(() => {
        // While our own words are still on their way, no answer can be expected.
        if (socket.writableLength > 0) heard = performance.now();
        else if (performance.now() - heard > SILENCE_MS) socket.destroy();
        else if (this.#socket === socket) socket.write(lineOf({ kind: 'ping' }));
      }, PING_EVERY_MS);
      ping.unref();
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearTimeout(silent);
        clearInterval(ping);
        reject(
          new ProblemError(this.#problem('its agent does not answer, or sshd forwards no sockets there', FORWARDING)),
        );
        if (this.#socket !== socket) return;
        this.#socket = undefined;
        if (!this.#closed && (this.#pending.size > 0 || this.#settings.notices.somebodyListens))
          void this.ready().catch((thrown) => this.#giveUp(problemOf(thrown)));
      });
    });
  }

  #giveUp(why: Problem): void {
    for (const pending of [...this.#pending.values()]) pending.settle({ thrown: this.#unanswered(pending, why) });
  }

  /** One that no agent had was certainly not carried out. */
  #unanswered(pending: Pending, why: Problem): ProblemError {
    return pending.life === undefined ? new ProblemError(why) : new LostCall(why);
  }

  #problem(what: string, next?: string): Problem {
    const { destination } = this.#settings;
    return {
      kind: 'host',
      what: `${destination}: ${what}`,
      where: destination,
      next:
        next ??
        `see that \`ssh -o BatchMode=yes ${destination} true\` succeeds, then retry the step: it goes on where it was`,
    };
  }

  #hear(message: Exclude<FromAgent, { readonly kind: 'hello' }>): void {
    if (message.kind === 'pong') return;
    const pending = this.#pending.get(message.id);
    if (message.kind === 'line') {
      // Lines that came over an earlier line are told again.
      if (pending === undefined || message.number < pending.linesSeen) return;
      pending.linesSeen = message.number + 1;
      pending.call.onLine?.(message.text);
      return;
    }
    this.#send({ kind: 'forget', id: message.id });
    if (message.kind === 'result') pending?.settle({ value: unpacked(message.value) });
    else pending?.settle({ thrown: new ProblemError(readProblem(message.problem)) });
  }

  close(): void {
    this.#closed = true;
    this.#giveUp(this.#problem('the line was closed'));
    this.#socket?.destroy();
  }
}

const FORWARDING = 'sshd there needs `AllowStreamLocalForwarding yes` and `AllowTcpForwarding yes`';

const inWords = (length: number): string =>
  length >= 60_000 && length % 60_000 === 0 ? `${length / 60_000} min` : `${length / 1_000} s`;

const readProblem = (value: Wire): Problem => unpacked(value) as Problem;
