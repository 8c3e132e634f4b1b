import { absent, type Measurement, type Observed, type Quietness } from '../../../evidence/measurement.ts';
import type { Milliseconds } from '../../../evidence/units.ts';
import { answered, errorPercent } from '../../../parts/golden-metrics/expression.ts';
import {
  ownAnswered,
  ownBounds,
  ownErrorRatio,
  ownErrors,
  ownPresence,
  ownQuantile,
  ownScrapes,
  ownShareWithin,
  ownTimed,
  ownWithin,
} from '../../../parts/golden-metrics/own-expression.ts';
import { GOLDEN } from '../../../parts/golden-metrics/queries.ts';
import type { GoldenSettings, OwnService } from '../../../parts/golden-metrics/settings.ts';
import { sourceText, type TimedService } from '../../../parts/golden-metrics/source.ts';
import type { HttpTarget } from '../../../probes/http.ts';
import { queryInstant } from '../../../probes/promql.ts';
import type { Notebook } from '../../observing.ts';
import { latencyP95 } from '../observed/golden-series.ts';
import { type Counts, type Doubt, disagreement, doubtOf, shareOf } from './agreement.ts';

export type OwnView = {
  readonly target: HttpTarget;
  readonly settings: GoldenSettings;
  /** How many web services there are: some of them may count nothing themselves. */
  readonly webServices: number;
  readonly endS: number;
  readonly window: Milliseconds;
  /** Share of the requests, 0 to 1, that two counts may differ by. */
  readonly tolerance: number;
  readonly quietness: Quietness;
};

/** A number that Prometheus gave, or why there is none. */
type Answer = { readonly kind: 'number'; readonly value: number } | { readonly kind: 'none'; readonly reason: string };
const none = (reason: string): Answer => ({ kind: 'none', reason });

/**
 * The golden metrics as services count them themselves, held against the load balancer's log. What is named and not there is
 * unknown, with the name of the series: the log, which is judged beside it, never stands in for it.
 */
export async function fromOwnSeries(view: OwnView, note: Notebook): Promise<Measurement[]> {
  const { own } = view.settings;
  if (own.length === 0) return [];
  const counts = await countsOf(view);
  const found: Measurement[] = [];
  for (const one of own) found.push(...(await ofService(view, one, counts, note)));
  return [...found, agreementNote(view, counts, note)];
}

async function ofService(view: OwnView, own: OwnService, counts: Known, note: Notebook): Promise<Measurement[]> {
  const { settings, window, quietness } = view;
  const about = (expr: string, observed: Observed, from: 'requests' | 'duration') => ({
    of: own.service,
    quietness,
    method: { kind: 'query', text: expr } as const,
    observed,
    note: sourceText({ kind: 'own', ...own }, from),
  });
  const errors = note({
    metric: GOLDEN.errorRate,
    unit: 'percent',
    ...about(`100 * ${ownErrorRatio(own, window)}`, await errorShare(view, own, counts), 'requests'),
  });
  const { duration } = own.series;
  if (duration === undefined) return [errors];
  const timed = { ...own, duration };
  const bound = settings.objectives.latencyP95;
  const buckets = await bucketsOf(view, timed);
  return [
    errors,
    note({
      metric: GOLDEN.latencyWithin,
      unit: 'percent',
      ...about(`100 * ${ownShareWithin(timed, bound, window)}`, await within(view, timed, buckets, counts), 'duration'),
    }),
    note({
      metric: GOLDEN.latencyP95,
      unit: 'ms',
      ...about(ownQuantile(timed, 0.95, window), await quantile(view, timed, buckets), 'duration'),
    }),
  ];
}

async function errorShare(view: OwnView, own: OwnService, counts: Known): Promise<Observed> {
  for (const { expr, missing } of ownPresence(own)) {
    const there = await asked(view, expr, missing);
    if (there.kind === 'none') return absent(there.reason);
  }
  const nothing = `${own.series.requests} of ${own.service} counted no request in the window`;
  const all = await asked(view, ownAnswered(own, view.window), nothing);
  if (all.kind === 'none') return absent(all.reason);
  const failed = await asked(view, ownErrors(own, view.window), nothing);
  if (failed.kind === 'none') return absent(failed.reason);
  const doubt = await doubtAbout(view, own, all.value, counts);
  return 'reason' in doubt ? absent(doubt.reason) : shareOf(failed.value, all.value, doubt, 'more');
}

type Buckets = { readonly bounds: readonly number[] } | { readonly reason: string };

/** Upper bounds of the histogram in seconds. */
async function bucketsOf({ target, endS }: OwnView, own: TimedService): Promise<Buckets> {
  const result = await queryInstant(target, ownBounds(own), endS);
  if (result.kind === 'error') return { reason: result.reason };
  const bounds = (result.kind === 'series' ? result.series : [])
    .map(({ labels }) => Number(labels.le))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return bounds.length > 0 ? { bounds } : { reason: `Prometheus has no histogram ${own.duration} of ${own.service}` };
}

async function within(view: OwnView, own: TimedService, buckets: Buckets, counts: Known): Promise<Observed> {
  if ('reason' in buckets) return absent(buckets.reason);
  const bound = view.settings.objectives.latencyP95;
  if (!buckets.bounds.includes(bound / 1_000))
    return absent(
      `${own.duration} of ${own.service} has no bucket that ends at ${bound} ms: its buckets end at ${buckets.bounds.map((b) => b * 1_000).join(', ')} ms`,
    );
  const nothing = `${own.duration} of ${own.service} counted no request in the window`;
  const all = await asked(view, ownTimed(own, view.window), nothing);
  if (all.kind === 'none') return absent(all.reason);
  const quick = await asked(view, ownWithin(own, bound, view.window), nothing);
  if (quick.kind === 'none') return absent(quick.reason);
  const doubt = await doubtAbout(view, own, all.value, counts);
  return 'reason' in doubt ? absent(doubt.reason) : shareOf(quick.value, all.value, doubt, 'less');
}

async function quantile(view: OwnView, own: TimedService, buckets: Buckets): Promise<Observed> {
  if ('reason' in buckets) return absent(buckets.reason);
  const nothing = `${own.duration} of ${own.service} counted no request in the window`;
  const p95 = await asked(view, ownQuantile(own, 0.95, view.window), nothing);
  if (p95.kind === 'none') return absent(p95.reason);
  return latencyP95([{ timeS: view.endS, value: p95.value / 1_000 }], buckets.bounds);
}

/**
 * How far a service's count may be off. Beside services that count nothing themselves nobody knows how many of the load
 * balancer's requests were its own: then the scrapes alone are known to be none of people's.
 */
async function doubtAbout(
  view: OwnView,
  own: OwnService,
  counted: number,
  counts: Known,
): Promise<Doubt | { readonly reason: string }> {
  if (view.webServices > 1) {
    const scrapes = await asked(view, ownScrapes(own, view.window), `${own.service} was not scraped in the window`);
    if (scrapes.kind === 'none') return { reason: scrapes.reason };
    const missing = 'reason' in counts ? 0 : doubtOf(counts.app, counts, view.tolerance).missing;
    return { extra: Math.min(scrapes.value, counted), surelyExtra: 0, missing };
  }
  return 'reason' in counts ? counts : doubtOf(counted, counts, view.tolerance);
}

type Known = Counts | { readonly reason: string };

async function countsOf(view: OwnView): Promise<Known> {
  const { settings, window, webServices } = view;
  if (settings.own.length < webServices)
    return {
      reason: 'some web services do not count their own requests, so the two counts are not of the same requests',
    };
  const silent = 'the load balancer answered no request in the window';
  const sums = { app: 0, scrapes: 0 };
  for (const own of settings.own) {
    const app = await asked(view, ownAnswered(own, window), `${own.series.requests} of ${own.service} has no data`);
    const scrapes = await asked(view, ownScrapes(own, window), `${own.service} was not scraped in the window`);
    if (app.kind === 'none') return { reason: app.reason };
    if (scrapes.kind === 'none') return { reason: scrapes.reason };
    sums.app += app.value;
    sums.scrapes += scrapes.value;
  }
  const all = await asked(view, answered(window), silent);
  const failed = await asked(view, `${errorPercent(window)} / 100 * ${answered(window)}`, silent);
  if (all.kind === 'none') return { reason: all.reason };
  if (failed.kind === 'none') return { reason: failed.reason };
  return { ...sums, loadBalancer: all.value, loadBalancerErrors: failed.value };
}

function agreementNote({ settings, window }: OwnView, counts: Known, note: Notebook): Measurement {
  const text = [...settings.own.map((own) => ownAnswered(own, window)), answered(window)].join(' against ');
  const about = { metric: GOLDEN.disagreement, unit: 'percent', method: { kind: 'query', text } } as const;
  if ('reason' in counts) return note({ ...about, observed: absent(counts.reason) });
  const { app, loadBalancer, loadBalancerErrors, scrapes } = counts;
  const [counted, seen, failed] = [app, loadBalancer, loadBalancerErrors].map(Math.round);
  return note({
    ...about,
    observed: disagreement(counts),
    note: `the app counted ${counted} requests, the load balancer ${seen}, ${failed} of them answered with 5xx; ${Math.round(scrapes)} scrapes of the app's metrics may be among its own`,
  });
}

async function asked({ target, endS }: OwnView, expr: string, missing: string): Promise<Answer> {
  const result = await queryInstant(target, expr, endS);
  if (result.kind === 'error') return none(result.reason);
  const value = result.kind === 'series' ? result.series[0]?.samples.at(-1)?.value : undefined;
  return value !== undefined && Number.isFinite(value) ? { kind: 'number', value } : none(missing);
}
