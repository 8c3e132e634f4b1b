import { Float64Histogram } from 'hdr-histogram-js';

/**
 * Latencies in an HDR histogram of 2 significant digits over microseconds: a cell is at most 1/128 (0.8 %) of its value
 * wide, which is the lowest precision whose error stays under 1 %.
 */
const SIGNIFICANT_DIGITS = 2;
export const HISTOGRAM_RELATIVE_RESOLUTION = 1 / 128;
const LONGEST_MS = 3_600_000;

/** Probability with which a percentile's interval covers the true one. */
export const CONFIDENCE = 0.95;

/**
 * One percentile over all requests that were meant to be sent; those that got no answer rank above every answered one.
 * All values in milliseconds.
 */
export interface Percentile {
  readonly quantile: number;
  readonly value: number | 'unanswered';
  /** Lower end of the interval, reduced by the generator's own delay where that was given. */
  readonly low: number;
  /** `unbounded`: too few requests, or too many without an answer, for an upper end at this confidence. */
  readonly high: number | 'unbounded';
}

export interface LatencySummary {
  /** Answered requests in the histogram. */
  readonly n: number;
  /** Requests without an answer, which rank above all of them. */
  readonly unanswered: number;
  readonly confidence: number;
  readonly p50: Percentile;
  readonly p90: Percentile;
  readonly p95: Percentile;
  readonly p99: Percentile;
  /** The slowest of the sample: a fact about it, so its interval is the histogram's cell and no inference. */
  readonly max: Percentile;
}

/** `none`: there was no request at all. */
export type Latency = LatencySummary | 'none';

interface Cell {
  readonly lowMs: number;
  readonly highMs: number;
}

export class LatencyHistogram {
  readonly #counts = new Float64Histogram(1, LONGEST_MS * 1000, SIGNIFICANT_DIGITS);

  get n(): number {
    return this.#counts.totalCount;
  }

  record(milliseconds: number): void {
    const bounded = Math.min(Math.max(milliseconds, 0), LONGEST_MS);
    this.#counts.recordValue(Math.floor(bounded * 1000));
  }

  /**
   * @param unanswered requests that got no answer
   * @param ownDelayMs what the generator itself may have added to each latency
   */
  summary(unanswered: number, ownDelayMs: number): Latency {
    if (this.n + unanswered === 0) return 'none';
    const at = (quantile: number) => this.#percentile(quantile, unanswered, ownDelayMs);
    return {
      n: this.n,
      unanswered,
      confidence: CONFIDENCE,
      p50: at(0.5),
      p90: at(0.9),
      p95: at(0.95),
      p99: at(0.99),
      max: this.#maximum(unanswered, ownDelayMs),
    };
  }

  /** The value of nearest rank ⌈q·n⌉, without interpolation, in milliseconds. */
  valueAt(quantile: number): number | 'none' {
    if (this.n === 0) return 'none';
    return middle(this.#cellAtRank(nearestRank(quantile, this.n)));
  }

  #percentile(quantile: number, unanswered: number, ownDelayMs: number): Percentile {
    const n = this.n + unanswered;
    const rank = nearestRank(quantile, n);
    const { lowerRank, upperRank } = orderStatisticInterval(n, quantile, CONFIDENCE);
    const lowCell = this.n === 0 || lowerRank < 1 ? undefined : this.#cellAtRank(Math.min(lowerRank, this.n));
    return {
      quantile,
      value: rank > this.n ? 'unanswered' : middle(this.#cellAtRank(rank)),
      low: lowCell === undefined ? 0 : Math.max(0, lowCell.lowMs - ownDelayMs),
      high: upperRank > this.n ? 'unbounded' : this.#cellAtRank(upperRank).highMs,
    };
  }

  #maximum(unanswered: number, ownDelayMs: number): Percentile {
    if (this.n === 0) return { quantile: 1, value: 'unanswered', low: 0, high: 'unbounded' };
    const cell = this.#cellAtRank(this.n);
    const low = Math.max(0, cell.lowMs - ownDelayMs);
    if (unanswered > 0) return { quantile: 1, value: 'unanswered', low, high: 'unbounded' };
    return { quantile: 1, value: middle(cell), low, high: cell.highMs };
  }

  #cellAtRank(rank: number): Cell {
    let seen = 0;
    let index = 0;
    for (; index < this.#counts.countsArrayLength; index += 1) {
      seen += this.#counts.getCountAtIndex(index);
      if (seen >= rank) break;
    }
    const value = this.#counts.valueFromIndex(index);
    return {
      lowMs: this.#counts.lowestEquivalentValue(value) / 1000,
      // Recording rounded down to a whole microsecond, so the cell ends where the next one begins.
      highMs: (this.#counts.highestEquivalentValue(value) + 1) / 1000,
    };
  }
}

const middle = (cell: Cell) => (cell.lowMs + cell.highMs) / 2;
const nearestRank = (quantile: number, n: number) => Math.max(1, Math.ceil(quantile * n - 1e-9));

/**
 * Distribution-free confidence interval of a quantile from order statistics (David & Nagaraja, Order Statistics, 7.1):
 * the number of the n observations below the true quantile is Binomial(n, q), so X(lower) and X(upper) enclose it with
 * at least `confidence`. A lower rank of 0 or an upper rank of n + 1 means that the sample is too small for that end.
 * Latencies that wait in one queue are not independent; the interval is then narrower than the truth.
 */
export function orderStatisticInterval(
  n: number,
  quantile: number,
  confidence: number,
): { readonly lowerRank: number; readonly upperRank: number } {
  const tail = (1 - confidence) / 2;
  const { first, probabilities } = binomial(n, quantile);
  let lowerRank = first;
  let upperRank = n + 1;
  let below = 0;
  let lowerFound = false;
  for (let offset = 0; offset < probabilities.length; offset += 1) {
    const count = first + offset;
    // `below` is P(B < count): the chance that X(count) lies above the quantile.
    if (!lowerFound && below <= tail) lowerRank = count;
    else lowerFound = true;
    if (1 - below <= tail) {
      upperRank = count;
      break;
    }
    below += probabilities[offset] ?? 0;
  }
  if (upperRank === n + 1 && 1 - below <= tail && first + probabilities.length <= n)
    upperRank = first + probabilities.length;
  return { lowerRank, upperRank };
}

/** Binomial(n, q) around its mode, as far as a term still counts; normalised, so it needs no factorials. */
function binomial(n: number, q: number): { readonly first: number; readonly probabilities: readonly number[] } {
  const mode = Math.min(n, Math.floor((n + 1) * q));
  const negligible = 1e-18;
  const down: number[] = [];
  for (let k = mode, term = 1; k > 0; k -= 1) {
    term *= (k / (n - k + 1)) * ((1 - q) / q);
    if (term < negligible) break;
    down.push(term);
  }
  const up: number[] = [1];
  for (let k = mode, term = 1; k < n; k += 1) {
    term *= ((n - k) / (k + 1)) * (q / (1 - q));
    if (term < negligible) break;
    up.push(term);
  }
  const terms = [...down.reverse(), ...up];
  const sum = terms.reduce((total, term) => total + term, 0);
  return { first: mode - down.length, probabilities: terms.map((term) => term / sum) };
}
