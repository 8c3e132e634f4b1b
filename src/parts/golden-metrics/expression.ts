import type { Milliseconds } from '../../evidence/units.ts';
import { leLabel } from './buckets.ts';
import {
  CERTIFICATE_END,
  DATABASE_CONNECTIONS,
  HOST_CORES,
  LB_DURATION,
  LB_REQUESTS,
  UNIT_CPU,
  UNIT_MEMORY,
} from './metric-names.ts';
import { promDuration } from './settings.ts';

/**
 * The PromQL of each golden metric over a window that ends now. None of them turns "nothing was seen" into a number: an
 * expression without its series has no result.
 */

const ERRORS = `${LB_REQUESTS}{class="5xx"}`;

/** Answers in the window; no result where there was none, so that nothing is divided by zero. */
export const answered = (window: Milliseconds): string =>
  `(sum(increase(${LB_REQUESTS}[${promDuration(window)}])) > 0)`;

/**
 * Answers with 5xx in the window. An error series that was not there at the window's beginning, while answers were
 * already counted, began at 0: all of it belongs to the window, where `increase` alone would lose its first value.
 */
function errors(window: Milliseconds): string {
  const w = promDuration(window);
  const born = `((max_over_time(${ERRORS}[${w}]) unless ${ERRORS} offset ${w}) and on () count(${LB_REQUESTS} offset ${w}))`;
  return `sum(${born} or increase(${ERRORS}[${w}]))`;
}

export const requestsPerMinute = (window: Milliseconds): string =>
  `sum(rate(${LB_REQUESTS}[${promDuration(window)}])) * 60`;

/** An absent error series beside counted answers is zero errors; no answers at all is no result. */
export const errorRatio = (window: Milliseconds): string =>
  `(${errors(window)} or ${answered(window)} * 0) / ${answered(window)}`;

export const errorPercent = (window: Milliseconds): string => `100 * ${errorRatio(window)}`;

/** Within the width of a bucket; exact where the quantile falls on a bound. No requests: no result. */
export const latencyQuantile = (quantile: number, window: Milliseconds): string =>
  `histogram_quantile(${quantile}, sum by (le) (rate(${LB_DURATION}_bucket[${promDuration(window)}]))) >= 0`;

/**
 * Share of requests, 0 to 1, that took at most `bound`: counted, not interpolated, where a bucket ends at `bound`. "P95
 * at most 200 ms" is this share being at least 0.95.
 */
export const latencyShareWithin = (bound: Milliseconds, window: Milliseconds): string => {
  const w = promDuration(window);
  const counted = (le: string) => `sum(increase(${LB_DURATION}_bucket{le="${le}"}[${w}]))`;
  return `${counted(leLabel(bound))} / (${counted('+Inf')} > 0)`;
};

/** How many requests {@link latencyShareWithin} rests on. */
export const latencyCounted = (window: Milliseconds): string =>
  `sum(increase(${LB_DURATION}_bucket{le="+Inf"}[${promDuration(window)}])) > 0`;

/** Processor time of all units together, in percent of the host's cores. */
export const cpuPercent = (window: Milliseconds): string =>
  `100 * sum(rate(${UNIT_CPU}[${promDuration(window)}])) / max(${HOST_CORES})`;

/** Processor time by service, in percent of the host's cores: 100 is the whole machine, whatever it has. */
export const cpuPercentOfService = (window: Milliseconds): string =>
  `100 * sum by (service) (rate(${UNIT_CPU}[${promDuration(window)}])) / on () group_left () max(${HOST_CORES})`;

export const memoryOfUnit = (service: string): string =>
  `max by (unit, service) (${UNIT_MEMORY}{service="${service}"})`;

/** Most memory that one unit of a service had during the window. */
export const memoryPeak = (service: string, window: Milliseconds): string =>
  `max by (unit, service) (max_over_time(${UNIT_MEMORY}{service="${service}"}[${promDuration(window)}]))`;

export const databaseConnections = (): string => `sum(${DATABASE_CONNECTIONS})`;

/** Days until the certificate that a probe saw ends; negative once it has. */
export const certificateDays = (): string => `min by (instance) (${CERTIFICATE_END} - time()) / 86400`;
