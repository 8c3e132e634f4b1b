import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Problem, ProblemError } from '../../evidence/problem.ts';
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
  /** How long a dropped line may take to come back before calls end. */
  readonly patience: number;
};

/** A call that had begun when the agent which had it ended: whether it was carried out is not known. */
export class LostCall extends ProblemError {}

/**
 * Calls to the agent. Over a line that drops they are asked for again, each under its own id, so that the agent carries
 * none out twice; what is not answered within the patience ends with a Problem.
 */
export class AgentClient {
  readonly #settings: AgentClientSettings;
  readonly #pending = new Map<string, Pending>();
  #socket: Socket | undefined;
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
      void this.#connected().then(
        () => this.#ask(id, pending),
        (thrown) => this.#pending.get(id)?.settle({ thrown: asProblem(thrown) }),
      );
    });
  }

  #ask(id: string, pending: Pending): void {
    if (this.#pending.get(id) !== pending || pending.life === this.#life) return;
    const { call } = pending;
    if (pending.life !== undefined && call.repeatable === 'once') {
      const lost = this.#lost(`the agent ended while it ran \`${call.method}\``);
      pending.settle({ thrown: new LostCall(lost) });
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

  #connected(): Promise<void> {
    if (this.#socket !== undefined) return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<void> {
    const deadline = performance.now() + this.#settings.patience;
    for (;;) {
      try {
        await this.#open(await this.#settings.reach());
        return;
      } catch (thrown) {
        // The first connection is not waited for: what is wrong with it is a person's to mend.
        if (this.#life === undefined || performance.now() > deadline || this.#closed) throw thrown;
        await sleep(1_000);
      }
    }
  }

  #open(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const read = lines((line) => {
        const message = JSON.parse(line) as FromAgent;
        if (message.kind !== 'hello') {
          this.#hear(message);
          return;
        }
        this.#socket = socket;
        this.#life = message.life;
        resolve();
        // The same agent still has them, and answers over the new line; another one is asked anew, or they are lost.
        for (const [id, pending] of [...this.#pending]) {
          if (pending.life === this.#life) pending.life = undefined;
          this.#ask(id, pending);
        }
      });
      socket.on('data', read);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        reject(new ProblemError(this.#lost('the agent does not answer')));
        if (this.#socket !== socket) return;
        this.#socket = undefined;
        if (!this.#closed && this.#pending.size > 0) void this.#connected().catch((thrown) => this.#giveUp(thrown));
      });
    });
  }

  #giveUp(thrown: unknown): void {
    const why = asProblem(thrown).problem;
    for (const pending of [...this.#pending.values()])
      pending.settle({
        thrown: new LostCall({
          ...this.#lost(`the line dropped and did not come back within ${this.#settings.patience / 1_000} s`),
          detail: [why.what, ...(why.detail ?? [])],
        }),
      });
  }

  #lost(what: string): Problem {
    const { destination } = this.#settings;
    return {
      kind: 'host',
      what: `${destination}: ${what}`,
      where: destination,
      next: `see that \`ssh -o BatchMode=yes ${destination} true\` succeeds, then retry the step: it goes on where it was`,
    };
  }

  #hear(message: FromAgent): void {
    if (message.kind === 'hello') return;
    const pending = this.#pending.get(message.id);
    switch (message.kind) {
      case 'line':
        // Lines that came over an earlier line are told again.
        if (pending === undefined || message.number < pending.linesSeen) return;
        pending.linesSeen = message.number + 1;
        pending.call.onLine?.(message.text);
        return;
      case 'result':
        this.#send({ kind: 'forget', id: message.id });
        pending?.settle({ value: unpacked(message.value) });
        return;
      case 'problem':
        this.#send({ kind: 'forget', id: message.id });
        pending?.settle({ thrown: new ProblemError(readProblem(message.problem)) });
        return;
    }
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }
}

const asProblem = (thrown: unknown): ProblemError =>
  thrown instanceof ProblemError
    ? thrown
    : new ProblemError({ kind: 'host', what: String(thrown), next: 'launch again' });

const readProblem = (value: Wire): Problem => unpacked(value) as Problem;
