import type { Milliseconds } from '../../evidence/units.ts';
import { APP_JOB } from './metric-names.ts';
import { type OwnService, promDuration } from './settings.ts';
import type { TimedService } from './source.ts';

/**
 * The PromQL of golden metrics out of a service's own series, summed over its instances that get traffic. As with the load
 * balancer's, "nothing was seen" never becomes a number.
 */

/** Every instance of the service that is scraped. */
const target = (service: string): string => `job="${APP_JOB}", service="${service}"`;

/** Text as it stands in a regular expression of PromQL, which is itself a quoted text. */
const literal = (text: string): string => JSON.stringify(text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')).slice(1, -1);

const leftOut = ({ series }: OwnService): string =>
  Object.entries(series.except)
    .map(([label, values]) => `, ${label}!~"${values.map(literal).join('|')}"`)
    .join('');

/** A code or a class. Requests whose label is neither are not counted: of them nobody knows whether they failed. */
const ANSWERED = '[1-5]..';
const FAILED = '5..';

const requests = (own: OwnService, status: string): string =>
  `${own.series.requests}{${target(own.service)}, ${own.series.status}=~"${status}"${leftOut(own)}}`;

const bucket = (own: TimedService, le = ''): string =>
  `${own.duration}_bucket{${target(own.service)}${le}${leftOut(own)}}`;

/** Clients write a bucket of one second as `1` or as `1.0`. */
function atBound(bound: Milliseconds): string {
  const seconds = String(bound / 1_000);
  return seconds.includes('.') ? `, le="${seconds}"` : `, le=~"${seconds}([.]0)?"`;
}

const ALL = ', le="+Inf"';

/**
 * How much each series rose in the window. Clients make a series with its first request (an error, a route), so that
 * `increase` alone would lose that one: a series that was not there at the window's beginning, while its instance was read,
 * began at 0. Where it was also reset, the larger of both views holds. A restart resets; `increase` sees it.
 */
function risen(selector: string, service: string, window: Milliseconds): string {
  const w = promDuration(window);
  const rose = `increase(${selector}[${w}])`;
  const top = `max_over_time(${selector}[${w}])`;
  const born = `((${rose} > ${top}) or ${top}) unless ${selector} offset ${w} and on (instance) (up{${target(service)}} offset ${w} == 1)`;
  return `((${born}) or ${rose})`;
}

const counted = (selector: string, service: string, window: Milliseconds): string =>
  `sum(${risen(selector, service, window)})`;

/** Requests in the window; no result where there was none. */
export const ownAnswered = (own: OwnService, window: Milliseconds): string =>
  `(${counted(requests(own, ANSWERED), own.service, window)} > 0)`;

export const ownRequestsPerMinute = (own: OwnService, window: Milliseconds): string =>
  `${counted(requests(own, ANSWERED), own.service, window)} * ${60_000 / window}`;

/** No series of errors beside counted requests is no error. */
export const ownErrors = (own: OwnService, window: Milliseconds): string =>
  `(${counted(requests(own, FAILED), own.service, window)} or ${ownAnswered(own, window)} * 0)`;

export const ownErrorRatio = (own: OwnService, window: Milliseconds): string =>
  `${ownErrors(own, window)} / ${ownAnswered(own, window)}`;

/** Timed requests in the window; no result where there was none. */
export const ownTimed = (own: TimedService, window: Milliseconds): string =>
  `(${counted(bucket(own, ALL), own.service, window)} > 0)`;

/** Of those, how many took at most `bound`; no result where no bucket ends there. */
export const ownWithin = (own: TimedService, bound: Milliseconds, window: Milliseconds): string =>
  counted(bucket(own, atBound(bound)), own.service, window);

export const ownShareWithin = (own: TimedService, bound: Milliseconds, window: Milliseconds): string =>
  `${ownWithin(own, bound, window)} / ${ownTimed(own, window)}`;

/** In milliseconds, as finely as its buckets tell. */
export const ownQuantile = (own: TimedService, quantile: number, window: Milliseconds): string =>
  `1000 * histogram_quantile(${quantile}, sum by (le) (${risen(bucket(own), own.service, window)})) >= 0`;

/** Scrapes that were answered in the window: requests that the app may count and the load balancer does not. */
export const ownScrapes = ({ service }: OwnService, window: Milliseconds): string =>
  `sum(sum_over_time(up{${target(service)}}[${promDuration(window)}]))`;

/** What must be there, each with what is to be said where it is not. */
export const ownPresence = (own: OwnService): readonly { readonly expr: string; readonly missing: string }[] => {
  const { service, series } = own;
  return [
    {
      expr: `count(${series.requests}{${target(service)}})`,
      missing: `Prometheus has no series ${series.requests} of ${service}`,
    },
    {
      expr: `count(${series.requests}{${target(service)}, ${series.status}=~"${ANSWERED}"})`,
      missing: `no series ${series.requests} of ${service} has a status in its label ${series.status}`,
    },
    {
      expr: `count(${requests(own, ANSWERED)})`,
      missing: `\`except\` leaves out every series ${series.requests} of ${service}`,
    },
  ];
};

/** The bounds of its buckets, by label `le`. */
export const ownBounds = (own: TimedService): string => `count by (le) (${bucket(own)})`;

/** 1 while the load balancer answers requests and the series has no data. A quiet night is no silence. */
export const ownSilence = (series: string, answeredAtFront: string): string =>
  `absent(${series}) * on () (${answeredAtFront} > bool 0)`;

export const requestSeries = (own: OwnService): string => requests(own, ANSWERED);
export const bucketSeries = (own: TimedService, bound: Milliseconds): string => bucket(own, atBound(bound));
