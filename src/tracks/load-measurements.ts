import type { Load } from '../config/app.ts';
import type { Measurement, Method, Observed, Quietness } from '../evidence/measurement.ts';
import { absent } from '../evidence/measurement.ts';
import type { Instant } from '../evidence/units.ts';
import type { LoadPlan } from '../probes/load/plan.ts';
import type { LoadResult } from '../probes/load/result.ts';
import { notebook } from './observing.ts';

/** How much more is sent than must be carried, so that a rate that is carried is seen to be. */
const MARGIN = 1.01;

export type LoadShape = {
  readonly baseUrl: string;
  readonly caFile?: string;
  readonly requestsPerMinute: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
};

/** The app's own mix of requests at a rate a little above what is asked, as the generator wants it. */
export function loadPlan(load: Load, shape: LoadShape): LoadPlan {
  return {
    baseUrl: shape.baseUrl,
    ...(shape.caFile === undefined ? {} : { caFile: shape.caFile }),
    requests: load.requests.map((r, i) => ({
      name: `${i + 1} ${r.method} ${r.path}`,
      weight: r.weight,
      method: r.method,
      path: template(r.path),
      headers: Object.fromEntries(Object.entries(r.headers).map(([name, value]) => [name, template(value)])),
      ...(r.body === undefined ? {} : { body: template(r.body) }),
    })),
    ratePerSecond: (shape.requestsPerMinute * MARGIN) / 60,
    durationMs: shape.durationMs,
    warmUpMs: shape.warmUpMs,
    connections: 64,
    timeoutMs: 10_000,
  };
}

/** `{uuid}` and `{n}` of holdpoint.yaml in the generator's words. Two words, because JSON bodies are full of braces. */
const template = (text: string): string => text.replaceAll('{uuid}', '{{key}}').replaceAll('{n}', '{{sequence}}');

/** What a load showed, as measurements: P95, share of errors, rate carried. A saturated generator shows nothing. */
export function loadMeasurements(result: LoadResult, host: string, quiet: Quietness): Measurement[] {
  const from = Date.parse(result.startedAt) as Instant;
  const to = (from + result.asked.warmUpMs + result.asked.durationMs) as Instant;
  const note = notebook(host, () => to);
  const quietness: Quietness =
    result.saturated.kind === 'saturated'
      ? { kind: 'disturbed', reason: `the load generator was saturated: ${result.saturated.reason}` }
      : quiet;
  const method: Method = {
    kind: 'load',
    text: `open loop, ${result.asked.ratePerSecond.toFixed(1)} requests/s for ${result.asked.durationMs / 1000} s over at most ${result.asked.connections} connections: ${result.asked.mix.map((m) => `${m.method} ${m.path}`).join(', ')}`,
  };
  const seen = { quietness, method, from, to };
  return [
    note({ ...seen, metric: 'http.latency.p95', unit: 'ms', observed: p95(result) }),
    note({ ...seen, metric: 'http.errors', unit: 'percent', observed: errorShare(result), note: endsInWords(result) }),
    note({ ...seen, metric: 'http.rate', unit: 'per-minute', observed: carried(result) }),
  ];
}

function p95(result: LoadResult): Observed {
  const { latency } = result.measured;
  if (latency === 'none') return absent('no request was sent');
  const { value, low, high } = latency.p95;
  if (value === 'unanswered' || high === 'unbounded')
    return absent(`too few of ${result.measured.intended} requests were answered (${latency.n}) to bound the P95`);
  return {
    kind: 'value',
    value,
    interval: [Math.min(low, value), Math.max(high, value)],
    n: latency.n,
    resolution: result.resolution.timerMs,
  };
}

/**
 * Answers with 4xx and 5xx and requests without a whole answer, in percent of all that were meant to be sent. The load is
 * ours: an app that refuses what its own description says users send does not carry it, however fast it does so.
 */
function errorShare({ measured }: LoadResult): Observed {
  const n = measured.intended;
  if (n === 0) return absent('no request was sent');
  const { '4xx': refused = 0, '5xx': errors = 0 } = measured.byStatusClass;
  const bad = measured.failed + measured.unclear + refused + errors;
  const [low, high] = wilson(bad, n);
  return { kind: 'value', value: (100 * bad) / n, interval: [100 * low, 100 * high], n, resolution: 0 };
}

function carried({ rate, measured }: LoadResult): Observed {
  const { value, low, high } = rate.answered;
  return { kind: 'value', value: value * 60, interval: [low * 60, high * 60], n: measured.answered, resolution: 0 };
}

/**
 * 95 % interval of a share of which `k` of `n` were seen: Wilson's score interval (E. B. Wilson, JASA 22, 1927). For
 * none of 10,000 it ends at 0.04 %.
 */
export function wilson(k: number, n: number): readonly [low: number, high: number] {
  const z = 1.959964;
  const p = k / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  // At none and at all the formula's own end differs from the share by rounding only.
  return [k === 0 ? 0 : Math.max(0, middle - half), k === n ? 1 : Math.min(1, middle + half)];
}

function endsInWords({ measured }: LoadResult): string {
  const parts = [
    ...Object.entries(measured.byStatusClass).map(([name, n]) => `${n} ${name}`),
    ...Object.entries(measured.failedBy).map(([why, n]) => `${n} failed: ${why}`),
    ...Object.entries(measured.unclearBy).map(([why, n]) => `${n} unclear: ${why}`),
  ];
  return `${measured.intended} sent: ${parts.join(', ')}`;
}
