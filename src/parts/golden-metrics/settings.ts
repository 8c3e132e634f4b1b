import type { App, OwnSeries } from '../../config/app.ts';
import { servesPeople } from '../../config/serves-people.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import { minutes, seconds } from '../../evidence/units.ts';
import { JOBS } from './metric-names.ts';

/**
 * What is asked of the golden metrics. The values of the plan's table are {@link PLANNED}; holdpoint.yaml may ask for
 * others. Shares are in percent.
 */
export type GoldenObjectives = {
  /** Requests a minute that must be carried. */
  readonly requestsPerMinute: number;
  /** Answers with 5xx, in percent of all answers: fewer than this. */
  readonly errorPercent: number;
  /** 95 of 100 requests take less than this. */
  readonly latencyP95: Milliseconds;
  /** Of all cores of the host, in percent: less than this. */
  readonly cpuPercent: number;
  /** Of one service's unit, in bytes: less than this. */
  readonly memoryBytes: number;
  readonly databaseConnections: number;
};

/** The objectives of the plan's task A.3. */
export const PLANNED: GoldenObjectives = {
  requestsPerMinute: 10_000,
  errorPercent: 0.1,
  latencyP95: 200 as Milliseconds,
  cpuPercent: 70,
  memoryBytes: 512 * 1024 * 1024,
  databaseConnections: 100,
};

/** A web service that counts its own requests. */
export type OwnService = { readonly service: string; readonly series: OwnSeries };

export type GoldenSettings = {
  readonly environment: string;
  readonly objectives: GoldenObjectives;
  readonly scrapeInterval: Milliseconds;
  /** How far back a rate of the golden metrics looks; at least four scrapes, so that one lost scrape is no gap. */
  readonly rateWindow: Milliseconds;
  /** The scrape jobs that must be there. */
  readonly jobs: readonly string[];
  /** Web services that count their own requests; none: the load balancer's log alone tells. */
  readonly own: readonly OwnService[];
  /**
   * `judged`: its log says how long requests take. `shown`: every web service times them itself, and what the load balancer
   * adds to that only warns.
   */
  readonly loadBalancerLatency: 'judged' | 'shown';
  /** Where a person reads what to do: the alert's name is appended as `#name-in-lower-case`. */
  readonly runbook: string;
};

/** What an ordinary environment uses. The request rate asked for is the app's own load, where it declares one. */
export function goldenSettings(app: App, environment: string, changes: Partial<GoldenSettings> = {}): GoldenSettings {
  return {
    environment,
    objectives: { ...PLANNED, requestsPerMinute: app.load?.requestsPerMinute ?? PLANNED.requestsPerMinute },
    scrapeInterval: seconds(5),
    rateWindow: minutes(1),
    jobs: [
      JOBS.loadBalancer,
      JOBS.units,
      JOBS.certificates,
      ...(app.database?.managed.kind === 'by-holdpoint' ? [JOBS.database] : []),
    ],
    own: app.services
      .filter(servesPeople)
      .flatMap(({ name, golden }) => (golden === undefined ? [] : [{ service: name, series: golden }])),
    loadBalancerLatency: timesItself(app) ? 'shown' : 'judged',
    runbook: 'PRODUCTION_DEPLOYMENT_PROCEDURES.md',
    ...changes,
  };
}

function timesItself({ services }: App): boolean {
  const web = services.filter(servesPeople);
  return web.length > 0 && web.every(({ golden }) => golden?.duration !== undefined);
}

/** A length of time as Prometheus writes it: whole milliseconds, in the largest unit that divides it. */
export function promDuration(length: Milliseconds): string {
  if (length === 0) return '0s';
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ];
  for (const [unit, size] of units) if (length >= size && length % size === 0) return `${length / size}${unit}`;
  return `${Math.round(length)}ms`;
}
