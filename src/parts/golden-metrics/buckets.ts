import type { App } from '../../config/app.ts';
import type { GoldenSettings } from './settings.ts';

/**
 * Neighbouring bounds in the fine range differ by less than this factor, so that interpolation costs a quantile 1 % at most:
 * half of the 2 % that it may be off, for the way through the load balancer takes some of it too.
 */
const FINE = 1.01;
/** Outside the fine range a rough number is enough. */
const COARSE = 1.5;
const SHORTEST = 1;
const LONGEST = 60_000;

/**
 * Upper bounds, in milliseconds, of the latency histogram. A bound lies exactly at the objective and at each alert
 * threshold, so that "95 % under 200 ms" is counted and not interpolated; from half the smallest of them to double the
 * largest the bounds are so close that an interpolated quantile is within 1 % of the true one.
 */
export function bucketBounds(app: App, settings: GoldenSettings): number[] {
  const exact = [
    settings.objectives.latencyP95,
    ...app.alerts.filter((a) => a.metric === 'latency-p95').map((a) => a.threshold),
  ];
  const low = Math.min(...exact) / 2;
  const high = Math.max(...exact) * 2;
  const bounds = new Set<number>(exact);
  let at = SHORTEST;
  while (at < LONGEST) {
    bounds.add(at);
    const fine = at >= low && at < high;
    const next = at * (fine ? FINE : COARSE);
    const ceiling = at < low ? low : LONGEST;
    // Rounded down to a tenth of a millisecond: the factor is never exceeded, and the text of a bound stays short.
    const rounded = Math.floor(Math.min(next, ceiling) * 10) / 10;
    at = rounded > at ? rounded : at + 0.1;
  }
  bounds.add(LONGEST);
  return [...bounds].map((b) => Number(b.toFixed(1))).sort((a, b) => a - b);
}

/** A bound as it stands in the label `le`. */
export const leLabel = (bound: number): string => String(bound);
