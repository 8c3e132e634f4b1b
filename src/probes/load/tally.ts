import type { FailureReason, UnclearReason } from '../exchange.ts';
import type { RequestEnd } from './connections.ts';
import { type Latency, LatencyHistogram } from './latency.ts';

/** intended = answered + failed + unclear, always. */
export interface LoadCounts {
  readonly intended: number;
  readonly answered: number;
  readonly failed: number;
  readonly unclear: number;
  /** Answered requests by exact status, such as `200`. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** Answered requests by class: `2xx` … */
  readonly byStatusClass: Readonly<Record<string, number>>;
  readonly failedBy: Readonly<Partial<Record<FailureReason, number>>>;
  readonly unclearBy: Readonly<Partial<Record<UnclearReason, number>>>;
}

export interface LoadTally extends LoadCounts {
  /** From the intended send time to the last byte of the answer. */
  readonly latency: Latency;
}

/** Counts requests as they end. */
export class Tally {
  readonly #latencies = new LatencyHistogram();
  readonly #byStatus = new Map<number, number>();
  readonly #failedBy: Partial<Record<FailureReason, number>> = {};
  readonly #unclearBy: Partial<Record<UnclearReason, number>> = {};
  #failed = 0;
  #unclear = 0;

  record(request: RequestEnd, intendedMs: number): void {
    if (request.end === 'answered') {
      this.#byStatus.set(request.status, (this.#byStatus.get(request.status) ?? 0) + 1);
      this.#latencies.record(request.timing.endedMs - intendedMs);
    } else if (request.end === 'failed') {
      this.#failed += 1;
      this.#failedBy[request.reason] = (this.#failedBy[request.reason] ?? 0) + 1;
    } else {
      this.#unclear += 1;
      this.#unclearBy[request.reason] = (this.#unclearBy[request.reason] ?? 0) + 1;
    }
  }

  get answered(): number {
    return this.#latencies.n;
  }

  counts(): LoadCounts {
    const byStatusClass: Record<string, number> = {};
    for (const [status, n] of this.#byStatus) {
      const key = `${Math.floor(status / 100)}xx`;
      byStatusClass[key] = (byStatusClass[key] ?? 0) + n;
    }
    return {
      intended: this.answered + this.#failed + this.#unclear,
      answered: this.answered,
      failed: this.#failed,
      unclear: this.#unclear,
      byStatus: Object.fromEntries([...this.#byStatus].map(([status, n]) => [String(status), n])),
      byStatusClass,
      failedBy: { ...this.#failedBy },
      unclearBy: { ...this.#unclearBy },
    };
  }

  total(ownDelayMs: number): LoadTally {
    return { ...this.counts(), latency: this.#latencies.summary(this.#failed + this.#unclear, ownDelayMs) };
  }
}

/** One second of the measured part, by intended send time. */
export interface SecondOfLoad {
  /** Seconds since the measured part began. */
  readonly second: number;
  readonly intended: number;
  readonly answered: number;
  readonly failed: number;
  readonly unclear: number;
  /** Exact, of the answered ones, in milliseconds; `none` when nothing was answered. */
  readonly p95Ms: number | 'none';
}

/** Gathers seconds while their requests are on the way, and gives each away once all of them have ended. */
export class SecondsOfLoad {
  readonly #open = new Map<number, { intended: number; failed: number; unclear: number; latencies: number[] }>();
  readonly #done: SecondOfLoad[] = [];
  readonly #onSecond: (second: SecondOfLoad) => void;
  readonly #plannedIn: (second: number) => number;

  /** @param plannedIn how many requests the plan sends in a second; that many ends complete it */
  constructor(plannedIn: (second: number) => number, onSecond: (second: SecondOfLoad) => void) {
    this.#plannedIn = plannedIn;
    this.#onSecond = onSecond;
  }

  record(second: number, request: RequestEnd, intendedMs: number): void {
    let entry = this.#open.get(second);
    if (entry === undefined) {
      entry = { intended: 0, failed: 0, unclear: 0, latencies: [] };
      this.#open.set(second, entry);
    }
    entry.intended += 1;
    if (request.end === 'answered') entry.latencies.push(request.timing.endedMs - intendedMs);
    else entry[request.end] += 1;
    if (entry.intended >= this.#plannedIn(second)) this.#close(second);
  }

  /** All seconds in order, those cut short by an abort too. */
  finish(): readonly SecondOfLoad[] {
    for (const second of [...this.#open.keys()]) this.#close(second);
    return this.#done.sort((a, b) => a.second - b.second);
  }

  #close(second: number): void {
    const entry = this.#open.get(second);
    if (entry === undefined) return;
    this.#open.delete(second);
    const sorted = entry.latencies.sort((a, b) => a - b);
    const p95Ms = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 'none';
    const { intended, failed, unclear } = entry;
    const row: SecondOfLoad = { second, intended, answered: sorted.length, failed, unclear, p95Ms };
    this.#done.push(row);
    this.#onSecond(row);
  }
}
