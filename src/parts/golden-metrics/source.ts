import type { GoldenSettings, OwnService } from './settings.ts';

/** A service that counts its own requests, with a histogram of response times. */
export type TimedService = OwnService & { readonly duration: string };

/** Who counts requests, errors and response times. */
export type Source = { readonly kind: 'load-balancer' } | (OwnService & { readonly kind: 'own' });

export const LOAD_BALANCER: Source = { kind: 'load-balancer' };

/**
 * Who is asked for errors. An app cannot count what never reached it, and one whose counting leaves errors out would look
 * well: what the load balancer answered counts whatever the app says of itself.
 */
export const errorSources = ({ own }: Pick<GoldenSettings, 'own'>): Source[] => [
  LOAD_BALANCER,
  ...own.map((one): Source => ({ kind: 'own', ...one })),
];

export const timedServices = ({ own }: Pick<GoldenSettings, 'own'>): TimedService[] =>
  own.flatMap((one) => (one.series.duration === undefined ? [] : [{ ...one, duration: one.series.duration }]));

/** Who is asked for response times. */
export const latencySources = (settings: GoldenSettings): Source[] => [
  ...(settings.loadBalancerLatency === 'judged' ? [LOAD_BALANCER] : []),
  ...timedServices(settings).map(({ service, series }): Source => ({ kind: 'own', service, series })),
];

/** What tells apart the recorded series of several sources. The load balancer's have no such label. */
export const labelsOf = (source: Source): Readonly<Record<string, string>> =>
  source.kind === 'own' ? { service: source.service } : {};

/** A recorded series as this source has it. */
export function recordedBy(record: string, source: Source, { own }: Pick<GoldenSettings, 'own'>): string {
  if (own.length === 0) return record;
  return `${record}{service="${source.kind === 'own' ? source.service : ''}"}`;
}

/** Where a figure comes from, for a reader: `from the app's own metrics http_requests_total (dashboard)`. */
export function sourceText(source: Source, about: 'requests' | 'duration'): string {
  if (source.kind === 'load-balancer') return "from the load balancer's log";
  return `from the app's own metrics ${source.series[about] ?? source.series.requests} (${source.service})`;
}
