import type { MetricUnit } from './measurement.ts';
import type { Milliseconds } from './units.ts';

export type Comparator = '<' | '<=' | '>' | '>=' | '==';

/**
 * What an objective that is not met does:
 * - `hold`: its step holds the track until somebody retries, waives or aborts
 * - `warn`: the track goes on and every document says so
 * - `inform`: the number is wanted, nothing follows from it
 */
export type Gate = 'hold' | 'warn' | 'inform';

/** What is asked of a metric. */
export type Objective = {
  /** Unique within its step. */
  readonly id: string;
  readonly metric: string;
  /** Which `of` of the metric is meant; absent: every one that the step measures. */
  readonly of?: string;
  readonly comparator: Comparator;
  readonly threshold: number;
  readonly unit: MetricUnit;
  readonly gate: Gate;
  /** Evidence older than this is measured afresh and no longer draws a tick. */
  readonly maximumAge: Milliseconds;
  /** Fewer observations than this are no answer. At least 1. */
  readonly minimumSamples: number;
  /** The line of the plan, or of holdpoint.yaml, that it comes from. */
  readonly source: string;
};

/** An objective as a reader meets it: `http.latency.p95 < 200 ms`. */
export function objectiveText(o: Objective): string {
  const unit = o.unit === 'count' || o.unit === 'ratio' ? '' : o.unit === 'percent' ? ' %' : ` ${o.unit}`;
  return `${o.metric}${o.of ? ` of ${o.of}` : ''} ${o.comparator} ${o.threshold}${unit}`;
}
