import type { Instant, Milliseconds } from '../../evidence/units.ts';
import { between } from '../../evidence/units.ts';
import type { GoldenSettings } from './settings.ts';
import { promDuration } from './settings.ts';

/**
 * The scrapes of every target that must be there in a window that ends now, with the moment of each: an instant query whose result is a
 * matrix of raw samples. 1 is a scrape that worked, 0 one that did not; while Prometheus itself is down there is neither.
 */
export const coverageQuery = ({ jobs }: GoldenSettings, window: Milliseconds): string =>
  `up{job=~"${jobs.join('|')}"}[${promDuration(window)}]`;

export type Scrape = { readonly at: Instant; readonly worked: 0 | 1 };

/** A time in which nothing was seen of a target. */
export type Gap = { readonly from: Instant; readonly to: Instant };

export type Coverage = {
  /** How many scrapes were due in the window. */
  readonly expected: number;
  readonly worked: number;
  /** Worked of expected, 0 to 1. */
  readonly share: number;
  readonly gaps: readonly Gap[];
  readonly longestGap: Milliseconds;
};

/** A scrape may be late by half an interval before anybody calls it missing. */
const PATIENCE = 1.5;

/**
 * How much of a window was seen. A target without any scrape has one gap, the whole window; a window shorter than one
 * interval has no expected scrape, and a share of 0.
 *
 * @param scrapes of one target, in any order
 */
export function coverage(scrapes: readonly Scrape[], from: Instant, to: Instant, interval: Milliseconds): Coverage {
  const seen = scrapes
    .filter((s) => s.worked === 1 && s.at >= from && s.at <= to)
    .map((s) => s.at)
    .sort((a, b) => a - b);
  const expected = Math.max(0, Math.floor(between(from, to) / interval));
  const marks = [from, ...seen, to];
  const gaps: Gap[] = [];
  for (let i = 1; i < marks.length; i++) {
    const [before, after] = [marks[i - 1], marks[i]];
    if (before === undefined || after === undefined) continue;
    if (seen.length === 0 || between(before, after) > interval * PATIENCE) gaps.push({ from: before, to: after });
  }
  const worked = Math.min(seen.length, expected);
  return {
    expected,
    worked,
    share: expected === 0 ? 0 : worked / expected,
    gaps,
    longestGap: Math.max(0, ...gaps.map((g) => between(g.from, g.to))) as Milliseconds,
  };
}
