import type { AlertThreshold, App } from '../../config/app.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import { minutes } from '../../evidence/units.ts';
import { burnRateAlerts, burnRateRecords } from './burn-rate.ts';
import {
  certificateDays,
  cpuPercent,
  cpuPercentOfService,
  databaseConnections,
  errorPercent,
  latencyQuantile,
  latencyShareWithin,
  memoryOfUnit,
  requestsPerMinute,
} from './expression.ts';
import { LB_REQUESTS, RECORDED, UNIT_MEMORY, UNIT_RESTARTS, UNIT_UP } from './metric-names.ts';
import { ownBlindness, ownLatencyCondition, ownRecordings } from './own-rules.ts';
import type { Alert, Recording, Rules } from './rule.ts';
import type { GoldenSettings } from './settings.ts';
import { promDuration } from './settings.ts';
import {
  errorSources,
  LOAD_BALANCER,
  labelsOf,
  latencySources,
  recordedBy,
  type Source,
  sourceText,
} from './source.ts';

/** Everything that Prometheus is to record and to warn of for an app. */
export function goldenRules(app: App, settings: GoldenSettings): Rules {
  return {
    recordings: [...recordings(app, settings), ...ownRecordings(app, settings), ...burnRateRecords(settings)],
    alerts: [
      ...app.alerts.flatMap((asked) => thresholdAlerts(asked, app, settings)),
      ...blindness(app, settings),
      ...downServices(app),
      crashLoop,
      ...burnRateAlerts(settings),
    ],
    settings,
    app: app.name,
  };
}

function recordings(app: App, settings: GoldenSettings): Recording[] {
  const { rateWindow: w, objectives } = settings;
  return [
    { record: RECORDED.requestsPerMinute, expr: requestsPerMinute(w) },
    { record: RECORDED.errorPercent, expr: errorPercent(w) },
    { record: RECORDED.latencyP95, expr: latencyQuantile(0.95, w) },
    { record: RECORDED.latencyWithin, expr: `100 * ${latencyShareWithin(objectives.latencyP95, w)}` },
    { record: RECORDED.cpuPercent, expr: cpuPercent(w) },
    { record: RECORDED.cpuPercentOfService, expr: cpuPercentOfService(w) },
    { record: RECORDED.memoryBytes, expr: `max by (unit, service) (${UNIT_MEMORY})` },
    // The limit comes from holdpoint.yaml: a part without a limit has no share of one.
    ...app.services.map((s) => ({
      record: RECORDED.memoryPercent,
      expr: `100 * ${memoryOfUnit(s.name)} / ${s.memory}`,
    })),
    ...(app.database?.managed.kind === 'by-holdpoint'
      ? [{ record: RECORDED.connections, expr: databaseConnections() }]
      : []),
    { record: RECORDED.certificateDays, expr: certificateDays() },
  ];
}

/** What each threshold of holdpoint.yaml is called, read from and said to a person. */
const GOLDEN_ALERTS: Readonly<
  Record<
    AlertThreshold['metric'],
    {
      readonly alert: string;
      readonly query: string;
      readonly comparator: '>' | '<';
      readonly summary: (threshold: number) => string;
      readonly description: string;
    }
  >
> = {
  'error-rate': {
    alert: 'ErrorRateHigh',
    query: RECORDED.errorPercent,
    comparator: '>',
    summary: (t) => `more than ${t} % of the answers are errors (5xx)`,
    description: 'Now {{ $value | printf "%.2f" }} % of what was answered.',
  },
  'latency-p95': {
    alert: 'LatencyHigh',
    query: RECORDED.latencyP95,
    comparator: '>',
    summary: (t) => `more than 5 % of the requests take longer than ${t} ms`,
    description: 'P95 is now {{ $value | printf "%.0f" }} ms.',
  },
  cpu: {
    alert: 'CpuHigh',
    query: RECORDED.cpuPercent,
    comparator: '>',
    summary: (t) => `services and parts use more than ${t} % of the host's cores`,
    description: 'Now {{ $value | printf "%.0f" }} %.',
  },
  memory: {
    alert: 'MemoryHigh',
    query: RECORDED.memoryPercent,
    comparator: '>',
    summary: (t) => `{{ $labels.unit }} uses more than ${t} % of its memory limit`,
    description: 'Now {{ $value | printf "%.0f" }} % of what the runtime lets it have.',
  },
  'database-connections': {
    alert: 'DatabaseConnectionsHigh',
    query: RECORDED.connections,
    comparator: '>',
    summary: (t) => `more than ${t} connections to the database`,
    description: 'Now {{ $value | printf "%.0f" }}.',
  },
  'certificate-days': {
    alert: 'CertificateExpiresSoon',
    query: RECORDED.certificateDays,
    comparator: '<',
    summary: (t) => `the TLS certificate of {{ $labels.instance }} ends in less than ${t} days`,
    description: '{{ $value | printf "%.1f" }} days are left.',
  },
};

function thresholdAlerts(asked: AlertThreshold, app: App, settings: GoldenSettings): Alert[] {
  if (asked.metric === 'database-connections' && app.database?.managed.kind !== 'by-holdpoint') return [];
  switch (asked.metric) {
    case 'error-rate':
      return errorSources(settings).map((source) => bySource(thresholdAlert(asked), source, 'requests', settings));
    case 'latency-p95':
      return latencyAlerts(asked, settings);
    default:
      return [thresholdAlert(asked)];
  }
}

function thresholdAlert(asked: AlertThreshold): Alert {
  const { alert, query, comparator, summary, description } = GOLDEN_ALERTS[asked.metric];
  return {
    alert,
    when: [{ query, comparator, threshold: asked.threshold }],
    for: asked.for,
    severity: asked.severity,
    labels: {},
    summary: summary(asked.threshold),
    description,
  };
}

/** The same alert, for what one source says. */
const bySource = (
  alert: Alert,
  source: Source,
  about: Parameters<typeof sourceText>[1],
  settings: GoldenSettings,
): Alert => ({
  ...alert,
  when: alert.when.map((c) => ({ ...c, query: recordedBy(c.query, source, settings) })),
  labels: { ...alert.labels, ...labelsOf(source) },
  summary: `${alert.summary}, ${sourceText(source, about)}`,
});

/** Where every service times its own requests, nobody is woken for what the load balancer adds, and it is said all the same. */
function latencyAlerts(asked: AlertThreshold, settings: GoldenSettings): Alert[] {
  const alert = thresholdAlert(asked);
  const judged = latencySources(settings).map((source): Alert => {
    const made = bySource(alert, source, 'duration', settings);
    if (source.kind === 'load-balancer') return made;
    return {
      ...made,
      when: [ownLatencyCondition(source)],
      description: `{{ $value | printf "%.1f" }} % are within ${asked.threshold} ms.`,
    };
  });
  if (settings.loadBalancerLatency === 'judged') return judged;
  return [...judged, { ...bySource(alert, LOAD_BALANCER, 'duration', settings), severity: 'ticket' }];
}

/** A scrape or two may be lost, a restart of an exporter takes seconds: longer than this, nobody is looking. */
const BLIND_AFTER = minutes(2);
/** A young environment has no traffic yet. */
const SILENT_AFTER = minutes(5);

/** Nobody may take silence for health: a target that is down or gone, and a golden metric without data, are alerts. */
function blindness(app: App, settings: GoldenSettings): Alert[] {
  const blind = (query: string, length: Milliseconds, series: string, summary: string, description: string): Alert => ({
    alert: 'MonitoringBlind',
    when: [{ query, comparator: '>', threshold: 0 }],
    for: length,
    severity: 'page',
    labels: { series },
    summary,
    description,
  });
  const golden: readonly (readonly [string, string])[] = [
    [LB_REQUESTS, 'request rate, error rate and response time'],
    [RECORDED.cpuPercent, 'processor time'],
    [UNIT_MEMORY, 'memory'],
    ...(app.database?.managed.kind === 'by-holdpoint' ? [[RECORDED.connections, 'database connections'] as const] : []),
    [RECORDED.certificateDays, 'certificate expiry'],
  ];
  return [
    {
      ...blind(
        'up',
        BLIND_AFTER,
        'up',
        'Prometheus cannot read {{ $labels.job }} at {{ $labels.instance }}',
        'Metrics from there are missing; what they would say is unknown.',
      ),
      when: [{ query: 'up', comparator: '==', threshold: 0 }],
    },
    ...settings.jobs.map((job) =>
      blind(
        `absent(up{job="${job}"})`,
        BLIND_AFTER,
        `up of ${job}`,
        `Prometheus has no target ${job}`,
        'The scrape job has no target at all.',
      ),
    ),
    ...golden.map(([series, what]) =>
      blind(
        `absent(${series})`,
        SILENT_AFTER,
        series,
        `nothing is known of ${what}`,
        `The series ${series} has no data: whether the objective is met is unknown.`,
      ),
    ),
    ...ownBlindness(app, settings).map(({ query, series, what }) =>
      blind(
        query,
        SILENT_AFTER,
        series,
        `nothing is known of ${what}`,
        `The load balancer answers requests, and ${series} has no data: whether the objective is met is unknown.`,
      ),
    ),
  ];
}

/** No instance of a service seen running; an agent has no requests that would tell. */
const downServices = (app: App): Alert[] =>
  app.services.map(({ name }) => ({
    alert: 'ServiceDown',
    when: [{ query: `absent(${UNIT_UP}{service="${name}"} == 1)`, comparator: '>', threshold: 0 }],
    for: minutes(1),
    severity: 'page',
    labels: { service: name },
    summary: `no instance of ${name} is seen running`,
    description: 'Either none runs, or nothing reports on it.',
  }));

/** One restart is a crash that was survived; three within a quarter of an hour are a loop. */
export const CRASH_LOOP = { restarts: 3, within: minutes(15) };

const crashLoop: Alert = {
  alert: 'UnitRestarts',
  // `increase` reads a whole number of restarts a little too high, so the border lies between two of them.
  when: [
    {
      query: `increase(${UNIT_RESTARTS}[${promDuration(CRASH_LOOP.within)}])`,
      comparator: '>',
      threshold: CRASH_LOOP.restarts - 0.5,
    },
  ],
  for: 0 as Milliseconds,
  severity: 'page',
  labels: {},
  summary: `{{ $labels.unit }} was started again ${CRASH_LOOP.restarts} times or more within ${promDuration(CRASH_LOOP.within)}`,
  description: 'It ends by itself again and again: read its logs.',
};
