import type { Service } from '../../../config/app.ts';
import { coverage, type QueryRange, type Sample, type Series } from '../../../probes/promql.ts';

/** How far back each look at a target reaches, in steps. Longer than one, so that a scrape that came late is no gap. */
export const LOOKBACK_STEPS = 2;

/** Prometheus refuses a range query of more than 11,000 points a series: a day of 5 s steps has 17,280. */
const MOST_STEPS = 10_000;

/** A range in pieces that Prometheus answers, without a step twice. */
export function pieces({ startS, endS, stepS }: QueryRange): QueryRange[] {
  const found: QueryRange[] = [];
  let from = startS;
  do {
    found.push({ startS: from, endS: Math.min(endS, from + (MOST_STEPS - 1) * stepS), stepS });
    from += MOST_STEPS * stepS;
  } while (from <= endS);
  return found;
}

/** The series of all pieces, each label set once. */
export function joinedSeries(all: readonly Series[]): Series[] {
  const byLabels = new Map<string, { readonly labels: Series['labels']; readonly samples: Sample[] }>();
  for (const { labels, samples } of all) {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = byLabels.get(key) ?? { labels, samples: [] };
    byLabels.set(key, { labels, samples: [...known.samples, ...samples] });
  }
  return [...byLabels.values()];
}

/** What Prometheus must have looked at: so many series of `up` with these labels. */
export type ExpectedTarget = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly count: number;
};

/** Every scrape job that must be there, and every instance of a service that shows metrics of its own. */
export function expectedTargets(
  app: { readonly services: readonly Pick<Service, 'name' | 'instances' | 'metricsPath'>[] },
  jobs: readonly string[],
): ExpectedTarget[] {
  return [
    ...jobs.map((job) => ({ name: job, labels: { job }, count: 1 })),
    ...app.services
      .filter((s) => s.metricsPath !== undefined)
      .map(({ name, instances }) => ({ name, labels: { service: name }, count: instances })),
  ];
}

/** How well the targets were seen. `due` counts the looks of all targets together. */
export type Watched = {
  /** Of the target that was seen least: looks at which it answered, in percent of those that were due. */
  readonly share: number;
  readonly worst: string;
  readonly due: number;
  /** Between which lengths the longest time lies from one scrape that worked to the next, in ms. */
  readonly longestGap: readonly [low: number, high: number];
};

type Look = { readonly name: string; readonly present: number; readonly due: number; readonly missedInARow: number };

/**
 * @param series `max_over_time(up[…])` over {@link LOOKBACK_STEPS} at each step of the range. 0 is a target that was down
 *   and counts as not seen, as does a step without a sample and an expected target without a series.
 */
export function watchedOver(
  series: readonly Series[],
  range: QueryRange,
  expected: readonly ExpectedTarget[],
): Watched | undefined {
  const looks = [
    ...series.map((s) => look(nameOf(s), s, range)),
    ...expected
      .filter((t) => series.filter((s) => isOf(s, t)).length < t.count)
      .map((t) => look(`${t.name}, which has fewer than its ${t.count} targets,`, { samples: [] }, range)),
  ];
  const worst = looks.reduce<Look | undefined>(
    (least, l) => (least && shareOf(least) <= shareOf(l) ? least : l),
    undefined,
  );
  if (worst === undefined) return undefined;
  const missed = Math.max(...looks.map((l) => l.missedInARow));
  const stepMs = range.stepS * 1000;
  return {
    share: shareOf(worst),
    worst: worst.name,
    due: looks.reduce((sum, l) => sum + l.due, 0),
    // With k looks missed in a row the last scrape that worked lies more than k + 1 and at most k + 3 steps before the
    // next one: each look reaches two steps back, and its neighbours saw something.
    longestGap: [(missed + LOOKBACK_STEPS - 1) * stepMs, (missed + LOOKBACK_STEPS + 1) * stepMs],
  };
}

function look(name: string, { samples }: Pick<Series, 'samples'>, range: QueryRange): Look {
  const up = samples.filter(({ value }) => value > 0);
  const { expected, present, gaps } = coverage(up, range);
  const missed = gaps.map((g) => Math.round((g.toS - g.fromS) / range.stepS) + 1);
  return { name, present, due: expected, missedInARow: Math.max(0, ...missed) };
}

const shareOf = ({ present, due }: Look): number => (due > 0 ? (100 * present) / due : 0);

const nameOf = ({ labels }: Series): string => [labels.job, labels.instance].filter(Boolean).join(' ');

const isOf = ({ labels }: Series, target: ExpectedTarget): boolean =>
  Object.entries(target.labels).every(([name, value]) => labels[name] === value);
