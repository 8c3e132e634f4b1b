import type { Milliseconds } from '../../evidence/units.ts';
import { days, hours, minutes } from '../../evidence/units.ts';
import { errorRatio, latencyShareWithin } from './expression.ts';
import { OWN_RECORDED } from './metric-names.ts';
import type { Alert, Recording } from './rule.ts';
import type { GoldenSettings } from './settings.ts';
import { promDuration } from './settings.ts';
import { errorSources, labelsOf, latencySources, recordedBy, type Source, sourceText } from './source.ts';

/** An objective over time: at most `budget` (a share, 0 to 1) of all requests may miss it. */
export type ServiceLevel = {
  readonly name: 'availability' | 'latency';
  readonly source: Source;
  /** What a request that spends budget did. */
  readonly miss: string;
  readonly budget: number;
  /** Share of requests in the window that missed it. */
  readonly missed: (window: Milliseconds) => string;
};

export function serviceLevels(settings: GoldenSettings): readonly ServiceLevel[] {
  const { objectives } = settings;
  const availability = errorSources(settings).map(
    (source): ServiceLevel => ({
      name: 'availability',
      source,
      miss: 'was answered with an error',
      budget: objectives.errorPercent / 100,
      missed:
        source.kind === 'own'
          ? (w) => ofRates(OWN_RECORDED.errors, OWN_RECORDED.requests, source.service, w)
          : errorRatio,
    }),
  );
  const latency = latencySources(settings).map(
    (source): ServiceLevel => ({
      name: 'latency',
      source,
      miss: `took longer than ${objectives.latencyP95} ms`,
      // The objective is a P95: five of a hundred requests may be slower.
      budget: 0.05,
      missed: (window) =>
        source.kind === 'own'
          ? `1 - ${ofRates(OWN_RECORDED.within, OWN_RECORDED.timed, source.service, window)}`
          : `1 - ${latencyShareWithin(objectives.latencyP95, window)}`,
    }),
  );
  return [...availability, ...latency];
}

/** Days of every series of an app would be read with each evaluation: rates that are recorded already stand in for them. */
function ofRates(part: string, all: string, service: string, window: Milliseconds): string {
  const over = (record: string) => `sum_over_time(${record}{service="${service}"}[${promDuration(window)}])`;
  return `${over(part)} / (${over(all)} > 0)`;
}

/**
 * How fast the budget of 30 days may be spent before somebody is called. Both windows must agree: the long one shows that
 * it matters, the short one that it still goes on.
 * Source: Google, The Site Reliability Workbook, chapter 5 ("Alerting on SLOs"), multiwindow multi-burn-rate alerts.
 */
export type BurnRate = {
  readonly factor: number;
  readonly long: Milliseconds;
  readonly short: Milliseconds;
  readonly severity: Alert['severity'];
};

export const BURN_RATES: readonly BurnRate[] = [
  { factor: 14.4, long: hours(1), short: minutes(5), severity: 'page' },
  { factor: 6, long: hours(6), short: minutes(30), severity: 'page' },
  { factor: 3, long: days(1), short: hours(2), severity: 'ticket' },
  { factor: 1, long: days(3), short: hours(6), severity: 'ticket' },
];

export const BUDGET_PERIOD = days(30);

/** Of a period's budget, the share that is gone after `long` at a steady burn rate: 14.4 over 1 h is 2 % of 30 days. */
export const budgetSpent = ({ factor, long }: BurnRate): number => (factor * long) / BUDGET_PERIOD;

/** How long a full budget lasts at the burn rate at which somebody is called. */
const daysLeft = ({ factor }: BurnRate): string => (BUDGET_PERIOD / days(1) / factor).toFixed(1).replace(/\.0$/, '');

export const burnRecord = (level: ServiceLevel['name'], window: Milliseconds): string =>
  `holdpoint:${level}_burn:rate${promDuration(window)}`;

const windows = [...new Set(BURN_RATES.flatMap((b) => [b.short, b.long]))].sort((a, b) => a - b);

/** The burn rate, 1 being "the budget lasts exactly its period", over each window that an alert looks at. */
export const burnRateRecords = (settings: GoldenSettings): Recording[] =>
  serviceLevels(settings).flatMap(({ name, source, budget, missed }) =>
    windows.map((window) => ({
      record: burnRecord(name, window),
      expr: `(${missed(window)}) / ${budget}`,
      ...(source.kind === 'own' ? { labels: labelsOf(source) } : {}),
    })),
  );

export const burnRateAlerts = (settings: GoldenSettings): Alert[] =>
  serviceLevels(settings).flatMap(({ name, source, miss, budget }) =>
    // A burn rate that not even a total outage reaches would be an alert that cannot fire.
    BURN_RATES.filter((rate) => rate.factor * budget < 1).map((rate) => {
      const [long, short] = [promDuration(rate.long), promDuration(rate.short)];
      const from = sourceText(source, name === 'latency' ? 'duration' : 'requests');
      return {
        alert: 'ErrorBudgetBurn',
        when: [rate.long, rate.short].map((window) => ({
          query: recordedBy(burnRecord(name, window), source, settings),
          comparator: '>' as const,
          threshold: rate.factor,
        })),
        // The windows are what makes it calm; waiting longer would only spend more budget.
        for: 0 as Milliseconds,
        severity: rate.severity,
        labels: { objective: name, window: long, ...labelsOf(source) },
        summary: `the error budget for ${name} of ${BUDGET_PERIOD / days(1)} days would be gone in ${daysLeft(rate)} days (seen over ${long} and ${short}, ${from})`,
        description: `Burn rate {{ $value | printf "%.1f" }} over ${long}; a request that ${miss} spends budget.`,
      };
    }),
  );
