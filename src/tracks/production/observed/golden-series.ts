import { absent, exactly, type Observed } from '../../../evidence/measurement.ts';
import type { Milliseconds } from '../../../evidence/units.ts';
import type { QueryRange, QueryResult, Sample } from '../../../probes/promql.ts';

/**
 * Golden metrics out of somebody else's PromQL, of which we know the words and not the meaning: each query gives one
 * number at a time, over as long before that time as the query looks back.
 */

/** A recorded rate, whose range does not show, usually looks back as long. */
const USUAL_LOOKBACK_S = 60;
const UNITS: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};

/** How far back a query looks, in seconds: the longest range in it; a minute where it shows none. */
export function lookbackS(query: string): number {
  const ranges = [...query.matchAll(/\[((?:\d+(?:ms|[smhdwy]))+)(?::[^\]]*)?\]/g)].map(([, text]) =>
    durationS(text ?? ''),
  );
  return ranges.length === 0 ? USUAL_LOOKBACK_S : Math.max(...ranges);
}

const durationS = (text: string): number =>
  [...text.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce((sum, [, n, unit]) => sum + Number(n) * (UNITS[unit ?? ''] ?? 0), 0);

/** Prometheus refuses a range query of more than 11,000 points. */
const MOST_STEPS = 10_000;
const USUAL_STEP_S = 5;

/**
 * The times at which the query tells of nothing but the window: from its beginning on by as long as the query looks back.
 * Undefined where the window is too short for that.
 */
export function rangeWithin(
  window: { readonly startS: number; readonly endS: number },
  lookback: number,
): QueryRange | undefined {
  const startS = window.startS + lookback;
  const lasts = window.endS - startS;
  const stepS = Math.max(Math.min(USUAL_STEP_S, Math.floor(lasts / 4)), Math.ceil(lasts / MOST_STEPS));
  return stepS < 1 ? undefined : { startS, endS: window.endS, stepS };
}

/** One number at each time, or why there is none. */
export type Numbers =
  | { readonly kind: 'numbers'; readonly samples: readonly Sample[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'unusable'; readonly reason: string };

/** Several series are several answers, and which of them is meant cannot be told. */
export function numbersOf(result: QueryResult): Numbers {
  if (result.kind === 'error') return { kind: 'unusable', reason: result.reason };
  if (result.kind === 'absent') return { kind: 'none' };
  if (result.series.length > 1)
    return { kind: 'unusable', reason: `it gives ${result.series.length} series, and one is asked for: sum them` };
  const samples = (result.series[0]?.samples ?? []).filter(({ value }) => Number.isFinite(value));
  return samples.length === 0 ? { kind: 'none' } : { kind: 'numbers', samples };
}

const mean = (all: readonly Sample[]): number => all.reduce((sum, { value }) => sum + value, 0) / all.length;

/** Requests a minute on average, from requests a second. */
export function requestRate(requests: readonly Sample[]): Observed {
  return exactly(60 * mean(requests), requests.length);
}

/**
 * Failed requests in percent of all, and on how many requests that rests.
 *
 * Neighbouring samples tell of overlapping times, so that what happens within the window is counted evenly, but what
 * happens less than a lookback from its ends is counted in part: at most once more what the first and the last sample
 * say, each for as long as it looks back. The interval reaches so far.
 *
 * @param errors undefined: no series beside counted requests, which is none
 */
export function errorShare(
  requests: readonly Sample[],
  errors: readonly Sample[] | undefined,
  { stepS, lookback }: { readonly stepS: number; readonly lookback: number },
): Observed {
  const failedAt = new Map((errors ?? []).map(({ timeS, value }) => [timeS, value]));
  const failed = requests.map(({ timeS }) => failedAt.get(timeS) ?? 0);
  const all = requests.reduce((sum, { value }) => sum + value, 0) * stepS;
  const bad = failed.reduce((sum, value) => sum + value, 0) * stepS;
  if (!(all > 0)) return absent('no request was counted in the window');
  const atTheEnds = ((failed[0] ?? 0) + (failed.at(-1) ?? 0)) * lookback;
  const n = Math.floor(all);
  const value = (100 * bad) / all;
  const high = Math.min(100, (100 * (bad + atTheEnds)) / all);
  return { kind: 'value', value, interval: [value, Math.max(value, high)], n, resolution: n > 0 ? 100 / n : 100 };
}

/** Upper bounds of a histogram's buckets, in seconds and ascending; none where the query reads no histogram. */
export type Buckets = readonly number[];

/**
 * The metric whose buckets a query reads: between two bounds a quantile is a guess of Prometheus', and 10 % of requests at
 * 245 ms were seen to come out as a P95 of 175 ms.
 */
export const histogramIn = (query: string): string | undefined => /\b([a-zA-Z_:][\w:]*_bucket)\b/.exec(query)?.[1];

/**
 * P95 over the window in ms, from P95s of times that lie in it. Where each of them is below a bound, so is that of the
 * whole, and above likewise; so it lies between the least and the greatest, each widened to the bucket that holds it.
 */
export function latencyP95(samples: readonly Sample[], buckets: Buckets): Observed {
  const sorted = samples.map(({ value }) => value).sort((a, b) => a - b);
  const [least, greatest] = [sorted[0], sorted.at(-1)];
  const median = sorted[Math.floor(sorted.length / 2)];
  if (least === undefined || greatest === undefined || median === undefined) return absent('no number in the window');
  const last = buckets.at(-1);
  if (last !== undefined && greatest >= last)
    return absent(`the last bucket ends at ${last * 1000} ms, and the P95 lies beyond: how far cannot be told`);
  // A bucket holds its upper bound and not its lower one.
  const low = buckets.findLast((bound) => bound < least);
  const high = buckets.find((bound) => bound >= greatest);
  const from = low === undefined ? (buckets.length > 0 ? 0 : least * 1000) : low * 1000 + 0.001;
  const to = (high ?? greatest) * 1000;
  return { kind: 'value', value: median * 1000, interval: [from, to], n: samples.length, resolution: 0 };
}

/** Times at which there was a number, in percent of all at which there should have been one. */
export function coverageOf(samples: readonly Sample[], { startS, endS, stepS }: QueryRange): Observed {
  const due = Math.floor((endS - startS) / stepS) + 1;
  return exactly((100 * Math.min(samples.length, due)) / due, due);
}

/** Why a query says nothing of a window. */
export const tooShort = (lookback: number, length: Milliseconds): string =>
  `the query looks back ${lookback} s, too far for a window of ${Math.round(length / 1000)} s: it would tell of what was before`;
