import type { App } from '../../config/app.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import { minutes } from '../../evidence/units.ts';
import { leLabel } from './buckets.ts';
import type { ServiceLevel } from './burn-rate.ts';
import { BURN_RATES, serviceLevels } from './burn-rate.ts';
import {
  CERTIFICATE_END,
  DATABASE_CONNECTIONS,
  HOST_CORES,
  LB_DURATION,
  LB_REQUESTS,
  UNIT_CPU,
  UNIT_MEMORY,
  UNIT_RESTARTS,
  UNIT_UP,
} from './metric-names.ts';
import { ownBlindness } from './own-rules.ts';
import { ownCalm, ownPhases, ownSpending } from './own-scenario.ts';
import type { Alert, Rules } from './rule.ts';
import { CRASH_LOOP } from './rules.ts';
import { promDuration } from './settings.ts';
import { labelsOf } from './source.ts';

/** What a series does during one phase of a scenario. */
export type Behaviour =
  | { readonly kind: 'level'; readonly value: number }
  /** A counter that grows by this much each second. */
  | { readonly kind: 'grows'; readonly perSecond: number }
  /** A counter that grows by this much at once, half-way through the phase. */
  | { readonly kind: 'jumps'; readonly by: number }
  | { readonly kind: 'gone' };

/** What every series does, by its name and labels as Prometheus writes them. */
export type Phase = Readonly<Record<string, Behaviour>>;

/**
 * Calm, then beyond the alert's threshold, then calm again: an alert that is right is silent, fires and recovers. Calm is
 * a tenth on the right side of the threshold, beyond a tenth on the wrong side, so that a threshold that is off by more
 * than that is seen.
 */
export type Scenario = {
  readonly alert: Alert;
  /** Between two samples, and between two evaluations. */
  readonly interval: Milliseconds;
  readonly calm: Phase;
  readonly beyond: Phase;
  readonly lengths: { readonly calm: Milliseconds; readonly beyond: Milliseconds; readonly after: Milliseconds };
};

const CALM = 0.9;
const BEYOND = 1.1;
/** Prometheus still shows a series for this long after its last sample. */
const LOOKBACK = minutes(5);

const level = (value: number): Behaviour => ({ kind: 'level', value });
const grows = (perSecond: number): Behaviour => ({ kind: 'grows', perSecond });
const GONE: Behaviour = { kind: 'gone' };

/** One scenario for each alert of the rules. */
export const scenarios = (rules: Rules, app: App): Scenario[] =>
  rules.alerts.map((alert) =>
    alert.alert === 'ErrorBudgetBurn' ? burnScenario(alert, rules) : thresholdScenario(alert, rules, app),
  );

function thresholdScenario(alert: Alert, rules: Rules, app: App): Scenario {
  const window = rules.settings.rateWindow;
  // Restarts are counted over a quarter of an hour: each phase must be over before the next is judged.
  const memory = alert.alert === 'UnitRestarts' ? CRASH_LOOP.within * 2 : window + LOOKBACK;
  return {
    alert,
    interval: (window / 2) as Milliseconds,
    ...(ownPhases(alert, rules, app, { calm: CALM, beyond: BEYOND }) ?? phases(alert, rules, app)),
    lengths: {
      calm: memory as Milliseconds,
      beyond: (alert.for + memory) as Milliseconds,
      after: memory as Milliseconds,
    },
  };
}

function phases(alert: Alert, rules: Rules, app: App): Pick<Scenario, 'calm' | 'beyond'> {
  const threshold = alert.when[0]?.threshold ?? 0;
  const around = (phase: (value: number) => Phase) => ({
    calm: phase(threshold * CALM),
    beyond: phase(threshold * BEYOND),
  });
  const service = app.services[0];
  const unit = `{unit="${service?.name}-1", service="${service?.name}"}`;
  switch (alert.alert) {
    case 'ErrorRateHigh':
      return around((percent) => requests(percent / 100));
    case 'LatencyHigh':
      return { calm: latencies(threshold, 0.04), beyond: latencies(threshold, 0.06) };
    case 'CpuHigh':
      return around((percent) => ({ [`${UNIT_CPU}${unit}`]: grows((percent / 100) * 4), [HOST_CORES]: level(4) }));
    case 'MemoryHigh':
      return around((percent) => ({ [`${UNIT_MEMORY}${unit}`]: level(((service?.memory ?? 0) * percent) / 100) }));
    case 'DatabaseConnectionsHigh':
      return around((count) => ({ [`${DATABASE_CONNECTIONS}{datname="app"}`]: level(count) }));
    case 'CertificateExpiresSoon':
      return {
        calm: { [`${CERTIFICATE_END}{instance="https://app"}`]: level(threshold * BEYOND * 86_400) },
        beyond: { [`${CERTIFICATE_END}{instance="https://app"}`]: level(threshold * CALM * 86_400) },
      };
    case 'UnitRestarts':
      return {
        calm: { [`${UNIT_RESTARTS}${unit}`]: { kind: 'jumps', by: Math.floor(threshold) } },
        beyond: { [`${UNIT_RESTARTS}${unit}`]: { kind: 'jumps', by: Math.ceil(threshold) } },
      };
    case 'ServiceDown': {
      const up = `${UNIT_UP}{unit="${alert.labels.service}-1", service="${alert.labels.service}"}`;
      return { calm: { [up]: level(1) }, beyond: { [up]: level(0) } };
    }
    default:
      return silence(alert, rules, app, unit);
  }
}

/** What goes missing for each `MonitoringBlind`. */
function silence(alert: Alert, rules: Rules, app: App, unit: string): Pick<Scenario, 'calm' | 'beyond'> {
  const series = alert.labels.series ?? '';
  if (series === 'up') {
    const up = 'up{job="a", instance="b"}';
    return { calm: { [up]: level(1) }, beyond: { [up]: level(0) } };
  }
  const ownSeries = ownBlindness(app, rules.settings).find((s) => s.series === series);
  if (ownSeries !== undefined) {
    const own = ownCalm(rules, [rules.settings.objectives.latencyP95, ...app.alerts.map((a) => a.threshold)]);
    // The load balancer goes on answering: a night without requests is no silence.
    return {
      calm: { ...requests(0), ...own },
      beyond: Object.fromEntries(Object.keys(own).map((name) => [name, GONE])),
    };
  }
  const job = series.startsWith('up of ') ? series.slice('up of '.length) : undefined;
  const calm: Phase =
    job === undefined
      ? {
          ...requests(0),
          [`${UNIT_CPU}${unit}`]: grows(1),
          [HOST_CORES]: level(4),
          [`${UNIT_MEMORY}${unit}`]: level(1),
          [`${DATABASE_CONNECTIONS}{datname="app"}`]: level(1),
          [`${CERTIFICATE_END}{instance="https://app"}`]: level(1e9),
        }
      : { [`up{job="${job}", instance="b"}`]: level(1) };
  return { calm, beyond: Object.fromEntries(Object.keys(calm).map((name) => [name, GONE])) };
}

const requests = (errorShare: number): Phase => ({
  [`${LB_REQUESTS}{class="2xx"}`]: grows(1_000 * (1 - errorShare)),
  [`${LB_REQUESTS}{class="5xx"}`]: grows(1_000 * errorShare),
});

/** A share of the requests takes longer than `bound`, the others exactly up to it. */
const latencies = (bound: number, slowerShare: number): Phase => ({
  [`${LB_DURATION}_bucket{le="${leLabel(bound)}"}`]: grows(1_000 * (1 - slowerShare)),
  [`${LB_DURATION}_bucket{le="${leLabel(bound * 2)}"}`]: grows(1_000),
  [`${LB_DURATION}_bucket{le="+Inf"}`]: grows(1_000),
});

function burnScenario(alert: Alert, rules: Rules): Scenario {
  const level = serviceLevels(rules.settings).find(
    ({ name, source }) => name === alert.labels.objective && labelsOf(source).service === alert.labels.service,
  );
  const rate = BURN_RATES.find((b) => promDuration(b.long) === alert.labels.window);
  if (!level || !rate) throw new RangeError(`no objective for the alert ${JSON.stringify(alert.labels)}`);
  const { source } = level;
  const spend = (share: number): Phase => {
    if (source.kind === 'own') return ownSpending(source, level.name, share);
    return level.name === 'availability' ? requests(share) : latencies(rules.settings.objectives.latencyP95, share);
  };
  return {
    alert,
    // Five samples to the short window are enough for a ratio, and keep days of them quick to evaluate.
    interval: (rate.short / 5) as Milliseconds,
    calm: spend(CALM * rate.factor * level.budget),
    beyond: spend(beyondBurn(rate.factor, level)),
    // The long window must be full of what happens now; recovery shows in the short one.
    lengths: { calm: rate.long, beyond: rate.long, after: (rate.short * 2) as Milliseconds },
  };
}

/** A tenth above the factor, or half-way to a total outage where that is nearer. */
const beyondBurn = (factor: number, { budget }: ServiceLevel): number =>
  Math.min(factor * budget * BEYOND, (factor * budget + 1) / 2);
