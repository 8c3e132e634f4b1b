import type { Observed } from '../../../evidence/measurement.ts';
import type { Milliseconds } from '../../../evidence/units.ts';
import { DATABASE_CONNECTIONS, UNIT_CPU, UNIT_MEMORY } from '../../../parts/golden-metrics/metric-names.ts';
import { GOLDEN, type GoldenQuery } from '../../../parts/golden-metrics/queries.ts';
import { promDuration } from '../../../parts/golden-metrics/settings.ts';

/** What is read of a unit or the database at each scrape. The rest is counted, or read once. */
const READ_FROM: Partial<Record<GoldenQuery['metric'], string>> = {
  [GOLDEN.cpu]: UNIT_CPU,
  [GOLDEN.cpuOfService]: UNIT_CPU,
  [GOLDEN.memory]: UNIT_MEMORY,
  [GOLDEN.connections]: DATABASE_CONNECTIONS,
};

/** Resident memory is accounted in pages. */
const PAGE_BYTES = 4096;

/** Both ways: the interpolated P95 lies within 2 % of the true one, see `goldenQueries`. */
const QUANTILE_WIDTH = 0.04;

export type Sampling = { readonly window: Milliseconds; readonly scrapeInterval: Milliseconds };

/** How many observations a golden metric rests on, as PromQL with the labels of its results; undefined: read once. */
export function countQuery({ metric, ofLabel, count }: GoldenQuery, window: Milliseconds): string | undefined {
  if (count !== undefined) return count;
  const name = READ_FROM[metric];
  if (name === undefined) return undefined;
  return `max${ofLabel === undefined ? '' : ` by (${ofLabel})`} (count_over_time(${name}[${promDuration(window)}]))`;
}

/**
 * The smallest difference that can be told, in the metric's unit.
 *
 * Over the window a share of requests is a count of what happened in it, and no sample of something larger: what cannot
 * be told is less than one request. Processor time is known from the first scrape to the last: what a scrape interval's
 * share of the window may have taken was not seen.
 */
export function resolutionOf(metric: GoldenQuery['metric'], value: number, n: number, sampling: Sampling): number {
  switch (metric) {
    case GOLDEN.errorRate:
    case GOLDEN.latencyWithin:
    case GOLDEN.latencyWithinAtLoadBalancer:
      return n > 0 ? 100 / n : 0;
    case GOLDEN.latencyP95:
      return QUANTILE_WIDTH * value;
    case GOLDEN.cpu:
    case GOLDEN.cpuOfService:
      return sampling.window > 0 ? Math.min(100, (100 * sampling.scrapeInterval) / sampling.window) : 100;
    case GOLDEN.memory:
      return PAGE_BYTES;
    case GOLDEN.connections:
      return 1;
    default:
      return 0;
  }
}

/** A golden metric as it was read. What is sampled is never exact: its interval is as wide as what cannot be told. */
export function observedOf(metric: GoldenQuery['metric'], value: number, n: number, sampling: Sampling): Observed {
  const resolution = resolutionOf(metric, value, n, sampling);
  const half = isCounted(metric) ? 0 : resolution / 2;
  return { kind: 'value', value, interval: [Math.max(Math.min(0, value), value - half), value + half], n, resolution };
}

const isCounted = (metric: GoldenQuery['metric']): boolean =>
  metric === GOLDEN.errorRate || metric === GOLDEN.latencyWithin || metric === GOLDEN.latencyWithinAtLoadBalancer;

/** What a reader of a sampled value must know; undefined where nothing is sampled. */
export function samplingNote(metric: GoldenQuery['metric'], n: number, sampling: Sampling): string | undefined {
  if (READ_FROM[metric] === undefined) return undefined;
  const every = sampling.scrapeInterval / 1000;
  return `read ${n} times, every ${every} s at best: what came and went between two readings was not seen`;
}
