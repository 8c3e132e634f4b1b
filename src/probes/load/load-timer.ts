import { Worker } from 'node:worker_threads';

/** Calls back once, later. */
export interface LoadTimer {
  /** Calls `act` in `ms` milliseconds; takes the place of an earlier call that is still to come. */
  in(ms: number, act: () => void): void;
  clear(): void;
  close(): Promise<void>;
}

/** Node's own timer: a grain of a millisecond, and no second thread. */
export class CoarseTimer implements LoadTimer {
  #timer: NodeJS.Timeout | undefined;

  in(ms: number, act: () => void): void {
    this.clear();
    this.#timer = setTimeout(act, Math.max(TIMER_MS, Math.floor(ms)));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  async close(): Promise<void> {
    this.clear();
  }
}

/** The grain of Node's timers. */
export const TIMER_MS = 1;

/**
 * Wakes this thread at a given moment, a tenth of a millisecond late on an idle machine. Node's own timers have a grain of
 * a millisecond and round up, which alone is 1 % of an answer that takes 100 ms. A second thread sleeps in a futex wait,
 * which has no such grain, and costs no time of a core as spinning would.
 */
export class PreciseTimer implements LoadTimer {
  readonly #changed = new Int32Array(new SharedArrayBuffer(4));
  readonly #due = new BigInt64Array(new SharedArrayBuffer(8));
  readonly #sleeper: Worker;
  #act: (() => void) | undefined;

  constructor() {
    this.#sleeper = new Worker(SLEEPER, {
      eval: true,
      // It needs no loader of the program's, and none of its environment.
      execArgv: [],
      env: {},
      workerData: { changed: this.#changed, due: this.#due },
    });
    this.#sleeper.on('message', () => {
      const act = this.#act;
      this.#act = undefined;
      act?.();
    });
  }

  /** A fraction of a millisecond counts. */
  in(ms: number, act: () => void): void {
    this.#act = act;
    this.#wakeAt(process.hrtime.bigint() + BigInt(Math.max(0, Math.round(ms * 1e6))));
  }

  clear(): void {
    this.#act = undefined;
    this.#wakeAt(NEVER);
  }

  async close(): Promise<void> {
    this.clear();
    await this.#sleeper.terminate();
  }

  #wakeAt(due: bigint): void {
    Atomics.store(this.#due, 0, due);
    Atomics.add(this.#changed, 0, 1);
    Atomics.notify(this.#changed, 0);
  }
}

const NEVER = 0n;

/** Plain JavaScript in a text, for a thread needs a file of its own otherwise, from the sources as from the package. */
const SLEEPER = `
const { parentPort, workerData: { changed, due } } = require('node:worker_threads');
let told = 0n;
for (;;) {
  const seen = Atomics.load(changed, 0);
  const at = Atomics.load(due, 0);
  if (at === 0n || at === told) Atomics.wait(changed, 0, seen);
  else {
    const left = Number(at - process.hrtime.bigint()) / 1e6;
    if (left > 0 && Atomics.wait(changed, 0, seen, left) !== 'timed-out') continue;
    told = at;
    parentPort.postMessage(0);
  }
}`;
