import type { Digest, Instant, Milliseconds } from './units.ts';

/** Units that a metric can be measured in; `1` is a plain count or ratio-free number. */
export type MetricUnit = 'ms' | 's' | 'bytes' | 'ratio' | 'percent' | 'count' | 'per-minute' | 'days';

/**
 * What was seen. A number always comes with how sure it is:
 * - `interval`: where the true value lies (a confidence interval, a histogram bucket). Both ends equal for an exact count.
 * - `n`: how many observations it rests on. A count of violations carries how many things were *examined*: "0 violations"
 *   of 0 examined is no observation.
 * - `resolution`: the smallest difference that the method can tell, in the metric's unit; 0 for an exact count.
 *
 * `absent` is the honest other end: the probe could not look, ran too short, the series is not there.
 */
export type Observed =
  | {
      readonly kind: 'value';
      readonly value: number;
      readonly interval: readonly [low: number, high: number];
      readonly n: number;
      readonly resolution: number;
    }
  | { readonly kind: 'absent'; readonly reason: string };

/** Whether the machine was quiet enough for the number to mean what it says. */
export type Quietness =
  | { readonly kind: 'quiet'; readonly pressure?: string }
  | { readonly kind: 'disturbed'; readonly reason: string }
  /** The metric does not depend on how busy the machine is: a digest, a status code. */
  | { readonly kind: 'indifferent' };

/** How it was seen, so that another person can look again. */
export type Method = {
  readonly kind: 'command' | 'query' | 'request' | 'file' | 'handshake' | 'recorder' | 'load';
  /** The command line, the query, the request: exactly, without secrets. */
  readonly text: string;
};

export type Measurement = {
  /** Dotted, lower case: `http.latency.p95`. */
  readonly metric: string;
  readonly unit: MetricUnit;
  /** What of: a service, a route, a host and port. Empty for the whole app. */
  readonly of: string;
  readonly observed: Observed;
  readonly quietness: Quietness;
  readonly from: Instant;
  readonly to: Instant;
  readonly host: string;
  readonly method: Method;
  /** Raw artefacts that the number was read from, kept beside the ledger by digest. */
  readonly artefacts: readonly Digest[];
  /** One sentence for a reader: what exactly was found (the first violation, for example). */
  readonly note?: string;
};

/** An exact number read once from `n` things examined. */
export function exactly(value: number, n: number): Observed {
  return { kind: 'value', value, interval: [value, value], n, resolution: 0 };
}

export const absent = (reason: string): Observed => ({ kind: 'absent', reason });

/** How long the observation took. */
export const observedFor = (m: Measurement): Milliseconds => (m.to - m.from) as Milliseconds;
