import type { AlertThreshold, App } from '../../config/app.ts';
import { milliseconds } from '../../evidence/units.ts';
import { answered } from './expression.ts';
import { OWN_RECORDED, RECORDED } from './metric-names.ts';
import {
  bucketSeries,
  ownAnswered,
  ownErrorRatio,
  ownErrors,
  ownQuantile,
  ownRequestsPerMinute,
  ownShareWithin,
  ownSilence,
  ownTimed,
  ownWithin,
  requestSeries,
} from './own-expression.ts';
import type { Condition, Recording } from './rule.ts';
import type { GoldenSettings } from './settings.ts';
import { labelsOf, type Source, timedServices } from './source.ts';

const latencyAlert = ({ alerts }: App): AlertThreshold | undefined => alerts.find((a) => a.metric === 'latency-p95');

/** What is recorded of each service that counts its own requests; the label `service` tells it from the load balancer's. */
export function ownRecordings(app: App, settings: GoldenSettings): Recording[] {
  const { rateWindow: w, objectives } = settings;
  const aSecond = (expr: string) => `${expr} / ${w / 1_000}`;
  const ofRequests = settings.own.flatMap((own): Recording[] => {
    const labels = labelsOf({ kind: 'own', ...own });
    return [
      { record: RECORDED.requestsPerMinute, expr: ownRequestsPerMinute(own, w), labels },
      { record: RECORDED.errorPercent, expr: `100 * ${ownErrorRatio(own, w)}`, labels },
      { record: OWN_RECORDED.requests, expr: aSecond(ownAnswered(own, w)), labels },
      { record: OWN_RECORDED.errors, expr: aSecond(ownErrors(own, w)), labels },
    ];
  });
  const bound = latencyAlert(app)?.threshold;
  const ofTimes = timedServices(settings).flatMap((own): Recording[] => {
    const labels = labelsOf({ kind: 'own', ...own });
    return [
      { record: RECORDED.latencyP95, expr: ownQuantile(own, 0.95, w), labels },
      { record: RECORDED.latencyWithin, expr: `100 * ${ownShareWithin(own, objectives.latencyP95, w)}`, labels },
      { record: OWN_RECORDED.timed, expr: aSecond(ownTimed(own, w)), labels },
      { record: OWN_RECORDED.within, expr: aSecond(ownWithin(own, objectives.latencyP95, w)), labels },
      ...(bound === undefined
        ? []
        : [
            {
              record: OWN_RECORDED.withinAlert,
              expr: `100 * ${ownShareWithin(own, milliseconds(bound), w)}`,
              labels,
            },
          ]),
    ];
  });
  return [...ofRequests, ...ofTimes];
}

/**
 * P95 above a threshold, counted: between two buckets of somebody else's choice a quantile is a guess. Without a bucket at
 * the threshold there is no number, and {@link ownBlindness} says so.
 */
export const ownLatencyCondition = (source: Source & { readonly kind: 'own' }): Condition => ({
  query: `${OWN_RECORDED.withinAlert}{service="${source.service}"}`,
  comparator: '<',
  threshold: 95,
});

/** What must have data while people are answered: series as selected, its plain name, and what it would tell. */
export type Silence = { readonly query: string; readonly series: string; readonly what: string };

export function ownBlindness(app: App, settings: GoldenSettings): Silence[] {
  const silent = (selected: string) => ownSilence(selected, answered(settings.rateWindow));
  const bounds = [settings.objectives.latencyP95, latencyAlert(app)?.threshold].filter((b) => b !== undefined);
  return [
    ...settings.own.map(
      (own): Silence => ({
        query: silent(requestSeries(own)),
        series: `${own.series.requests} of ${own.service}`,
        what: `request rate and error rate as ${own.service} counts them itself`,
      }),
    ),
    ...timedServices(settings).flatMap((own) =>
      [...new Set(bounds)].map(
        (bound): Silence => ({
          query: silent(bucketSeries(own, milliseconds(bound))),
          series: `${own.duration} of ${own.service} up to ${bound} ms`,
          what: `response time as ${own.service} takes it itself: a bucket must end at ${bound} ms`,
        }),
      ),
    ),
  ];
}
