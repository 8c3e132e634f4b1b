import { absent, exactly, type Observed } from '../../../evidence/measurement.ts';

/** What both saw of the same window. */
export type Counts = {
  /** Requests as the app counts them, all services together. */
  readonly app: number;
  /** Requests that the load balancer answered, and those of them that it answered with 5xx. */
  readonly loadBalancer: number;
  readonly loadBalancerErrors: number;
  /** Scrapes of the app's metrics: requests that never came through the load balancer. */
  readonly scrapes: number;
};

/**
 * Requests that only one of the two counted, in percent of the load balancer's. The app may count the scrapes of its own
 * metrics, and need not count what ended in a 5xx: that may never have reached it.
 */
export function disagreement({ app, loadBalancer, loadBalancerErrors, scrapes }: Counts): Observed {
  if (!(loadBalancer > 0)) return absent('the load balancer answered no request in the window');
  const most = loadBalancer + scrapes;
  const least = loadBalancer - loadBalancerErrors;
  const apart = Math.max(0, app - most, least - app);
  return exactly((100 * apart) / loadBalancer, Math.floor(loadBalancer));
}

/** How far the app's count of requests may be off from those that people sent. */
export type Doubt = {
  /** Counted beyond what the load balancer answered: scrapes, health checks. `surely` allows for two counts to be read apart. */
  readonly extra: number;
  readonly surelyExtra: number;
  /** Answered by the load balancer without 5xx, and not counted. */
  readonly missing: number;
};

/**
 * @param counted by the service's own series
 * @param tolerance share of the load balancer's requests, 0 to 1, that two counts may differ by for being read at other moments
 */
export function doubtOf(counted: number, counts: Counts, tolerance: number): Doubt {
  const { loadBalancer, loadBalancerErrors } = counts;
  return {
    extra: Math.max(0, counted - loadBalancer),
    surelyExtra: Math.max(0, counted - loadBalancer * (1 + tolerance)),
    missing: Math.max(0, loadBalancer * (1 - tolerance) - loadBalancerErrors - counted),
  };
}

/**
 * A share of the counted requests, in percent, as what it may be of people's requests: what was counted besides may all be
 * on one side or all on the other, and so may what was not counted.
 */
export function shareOf(
  part: number,
  counted: number,
  { extra, surelyExtra, missing }: Doubt,
  worse: 'less' | 'more',
): Observed {
  if (!(counted > 0)) return absent('it counted no request in the window');
  const kept = (beside: number) => Math.max(counted - beside, 1e-9);
  const [below, above] = worse === 'less' ? [extra, surelyExtra] : [surelyExtra, extra];
  const low = Math.min(part / (counted + missing), Math.max(0, part - below) / kept(below));
  const high = Math.max((part + missing) / (counted + missing), Math.min(1, part / kept(above)));
  const percent = (share: number) => 100 * Math.min(1, Math.max(0, share));
  const value = percent(part / counted);
  const n = Math.floor(counted);
  return {
    kind: 'value',
    value,
    interval: [Math.min(value, percent(low)), Math.max(value, percent(high))],
    n,
    resolution: n > 0 ? 100 / n : 100,
  };
}
