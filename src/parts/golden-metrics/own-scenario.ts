import type { AlertThreshold, App } from '../../config/app.ts';
import { APP_JOB, OWN_RECORDED } from './metric-names.ts';
import type { Alert, Rules } from './rule.ts';
import type { Behaviour, Phase } from './scenario.ts';
import type { OwnService } from './settings.ts';
import { type TimedService, timedServices } from './source.ts';

/** A series of a service's only instance, as Prometheus keeps it. */
export const ownSeriesText = (
  { service }: OwnService,
  name: string,
  labels: Readonly<Record<string, string>>,
): string => {
  const all = { job: APP_JOB, service, instance: `${service}-1`, ...labels };
  return `${name}{${Object.entries(all)
    .map(([label, value]) => `${label}="${value}"`)
    .join(', ')}}`;
};

const grows = (perSecond: number): Behaviour => ({ kind: 'grows', perSecond });
const level = (value: number): Behaviour => ({ kind: 'level', value });

const ownRequests = (own: OwnService, errorShare: number): Phase => ({
  [ownSeriesText(own, own.series.requests, { [own.series.status]: '200' })]: grows(1_000 * (1 - errorShare)),
  [ownSeriesText(own, own.series.requests, { [own.series.status]: '500' })]: grows(1_000 * errorShare),
});

const ownLatencies = (own: TimedService, bound: number, slowerShare: number): Phase => ({
  [ownSeriesText(own, `${own.duration}_bucket`, { le: String(bound / 1_000) })]: grows(1_000 * (1 - slowerShare)),
  [ownSeriesText(own, `${own.duration}_bucket`, { le: '+Inf' })]: grows(1_000),
});

type Sides = { readonly calm: Phase; readonly beyond: Phase };
/** Shares of a threshold, below and above 1. */
type Factors = { readonly calm: number; readonly beyond: number };

/** What a service's own series do before and beyond a threshold; undefined where the alert reads none of them. */
export function ownPhases(alert: Alert, { settings }: Rules, app: App, factors: Factors): Sides | undefined {
  const asked = (metric: AlertThreshold['metric']) => app.alerts.find((a) => a.metric === metric)?.threshold ?? 0;
  const own = settings.own.find(({ service }) => service === alert.labels.service);
  if (own === undefined) return undefined;
  if (alert.alert === 'ErrorRateHigh') {
    const share = asked('error-rate') / 100;
    return { calm: ownRequests(own, share * factors.calm), beyond: ownRequests(own, share * factors.beyond) };
  }
  const timed = timedServices(settings).find(({ service }) => service === own.service);
  if (alert.alert !== 'LatencyHigh' || timed === undefined) return undefined;
  const bound = asked('latency-p95');
  return { calm: ownLatencies(timed, bound, 0.04), beyond: ownLatencies(timed, bound, 0.06) };
}

/** The rates that long windows are made of, with a share of them missing the objective. */
export function ownSpending({ service }: OwnService, missed: 'availability' | 'latency', share: number): Phase {
  const series = (record: string) => `${record}{service="${service}"}`;
  return missed === 'availability'
    ? { [series(OWN_RECORDED.requests)]: level(1_000), [series(OWN_RECORDED.errors)]: level(1_000 * share) }
    : { [series(OWN_RECORDED.timed)]: level(1_000), [series(OWN_RECORDED.within)]: level(1_000 * (1 - share)) };
}

/** Everything that services count themselves, going well. */
export const ownCalm = ({ settings }: Rules, bounds: readonly number[]): Phase =>
  Object.assign(
    {},
    ...settings.own.map((own) => ownRequests(own, 0)),
    ...timedServices(settings).flatMap((own) => bounds.map((bound) => ownLatencies(own, bound, 0))),
  ) as Phase;
