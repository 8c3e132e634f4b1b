import type { App } from '../../config/app.ts';
import type { MetricUnit } from '../../evidence/measurement.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import {
  answered,
  certificateDays,
  cpuPercent,
  cpuPercentOfService,
  errorPercent,
  latencyCounted,
  latencyQuantile,
  latencyShareWithin,
  memoryPeak,
  requestsPerMinute,
} from './expression.ts';
import { DATABASE_CONNECTIONS } from './metric-names.ts';
import type { GoldenSettings } from './settings.ts';
import { promDuration } from './settings.ts';
import { LOAD_BALANCER, sourceText } from './source.ts';

/** What the golden metrics are called in measurements and objectives. */
export const GOLDEN = {
  requestRate: 'golden.request-rate',
  errorRate: 'golden.error-rate',
  latencyP95: 'golden.latency-p95',
  latencyWithin: 'golden.latency-within',
  /** What the load balancer adds, where every web service times its own requests. */
  latencyWithinAtLoadBalancer: 'golden.latency-within-at-load-balancer',
  /** Requests that only one of the two counted, the app or the load balancer, in percent of the load balancer's. */
  disagreement: 'golden.disagreement',
  cpu: 'golden.cpu',
  cpuOfService: 'golden.cpu-of-service',
  memory: 'golden.memory',
  connections: 'golden.database-connections',
  certificate: 'golden.certificate',
} as const;

/** The same of a load test, where the load generator measures them: before the app is live, and at the full rate. */
export const UNDER_LOAD = {
  requestRate: 'http.rate',
  errorRate: 'http.errors',
  latencyP95: 'http.latency.p95',
} as const;

/** How well the window was watched. */
export const WATCH = {
  /** Scrapes that worked of those that were due, in percent, for the worst target. */
  coverage: 'monitoring.coverage',
  /** Longest time from one scrape of a target that worked to the next, in ms: the scrape interval at the least. */
  longestGap: 'monitoring.longest-gap',
} as const;

/** What is known of an alert that was provoked. */
export const ALERTING = {
  /** From the alert firing to the webhook having it, in ms. */
  delivery: 'alert.delivery',
} as const;

/** How one golden metric is read from Prometheus over a window that ends now. */
export type GoldenQuery = {
  readonly metric: (typeof GOLDEN)[keyof typeof GOLDEN];
  readonly unit: MetricUnit;
  readonly expr: string;
  /** The label that says what a result is about; absent where there is one result for the whole app. */
  readonly ofLabel: 'service' | 'unit' | 'instance' | undefined;
  /** How many observations the result rests on; absent where that is the number of scrapes. */
  readonly count: string | undefined;
  /** Who counted, for a reader; absent where there is only one way. */
  readonly from: string | undefined;
};

/**
 * The golden metrics over a window. A query without a result means that the metric is unknown, never that it is 0.
 *
 * "P95 < 200 ms" is best judged by `golden.latency-within` (at least 95 % within the objective), which is counted; the
 * interpolated P95 lies within 2 % of the true one, and is for people to read.
 *
 * What services count themselves is not among them: it is held against these, see `tracks/production/validation`.
 */
export function goldenQueries(app: App, settings: GoldenSettings, window: Milliseconds): GoldenQuery[] {
  const whole = (metric: GoldenQuery['metric'], unit: MetricUnit, expr: string, count?: string): GoldenQuery => ({
    metric,
    unit,
    expr,
    ofLabel: undefined,
    count,
    from: count === undefined ? undefined : sourceText(LOAD_BALANCER, 'requests'),
  });
  return [
    whole(GOLDEN.requestRate, 'per-minute', requestsPerMinute(window), answered(window)),
    whole(GOLDEN.errorRate, 'percent', errorPercent(window), answered(window)),
    whole(
      settings.loadBalancerLatency === 'judged' ? GOLDEN.latencyWithin : GOLDEN.latencyWithinAtLoadBalancer,
      'percent',
      `100 * ${latencyShareWithin(settings.objectives.latencyP95, window)}`,
      latencyCounted(window),
    ),
    whole(GOLDEN.latencyP95, 'ms', latencyQuantile(0.95, window), latencyCounted(window)),
    whole(GOLDEN.cpu, 'percent', cpuPercent(window)),
    { ...whole(GOLDEN.cpuOfService, 'percent', cpuPercentOfService(window)), ofLabel: 'service' },
    ...app.services.map(
      ({ name }): GoldenQuery => ({
        ...whole(GOLDEN.memory, 'bytes', memoryPeak(name, window)),
        ofLabel: 'unit',
      }),
    ),
    ...(app.database?.managed.kind === 'by-holdpoint'
      ? [whole(GOLDEN.connections, 'count', connectionsPeak(settings, window))]
      : []),
    { ...whole(GOLDEN.certificate, 'days', certificateDays()), ofLabel: 'instance' },
  ];
}

/** Most connections at one moment of the window, looked at with each scrape. */
const connectionsPeak = ({ scrapeInterval }: GoldenSettings, window: Milliseconds): string =>
  `max_over_time(sum(${DATABASE_CONNECTIONS})[${promDuration(window)}:${promDuration(scrapeInterval)}])`;
