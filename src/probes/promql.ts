import type { HttpTarget } from './http.ts';
import { match, observe } from './http.ts';

/** Times in seconds since the Unix epoch, as Prometheus has them. Values may be NaN or infinite. */
export interface Sample {
  readonly timeS: number;
  readonly value: number;
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** One for an instant query. */
  readonly samples: readonly Sample[];
}

/** `absent`: Prometheus answered and has no such series, which is no zero. `error`: it did not answer the question. */
export type QueryResult =
  | { readonly kind: 'series'; readonly series: readonly Series[]; readonly warnings: readonly string[] }
  | { readonly kind: 'absent'; readonly warnings: readonly string[] }
  | { readonly kind: 'error'; readonly reason: string };

export interface QueryRange {
  readonly startS: number;
  readonly endS: number;
  readonly stepS: number;
}

/** A Prometheus that may be asked by GET alone: whoever stands before it may take a POST for a change. */
export type PrometheusTarget = HttpTarget & { readonly by?: 'GET' | 'POST' };

/** Prometheus' HTTP API v1; `baseUrl` may carry a path prefix. */
export function queryInstant(target: PrometheusTarget, query: string, timeS?: number): Promise<QueryResult> {
  return ask(target, 'query', { query, ...(timeS === undefined ? {} : { time: String(timeS) }) });
}

export function queryRange(target: PrometheusTarget, query: string, range: QueryRange): Promise<QueryResult> {
  const { startS, endS, stepS } = range;
  return ask(target, 'query_range', { query, start: String(startS), end: String(endS), step: String(stepS) });
}

const BODY_LIMIT = 64 * 1_048_576;

async function ask(
  { by = 'POST', ...target }: PrometheusTarget,
  endpoint: string,
  parameters: Record<string, string>,
): Promise<QueryResult> {
  const path = `${new URL(target.baseUrl).pathname.replace(/\/$/, '')}/api/v1/${endpoint}`;
  const asked = new URLSearchParams(parameters).toString();
  const { exchange } = await observe(
    { bodyLimit: BODY_LIMIT, ...target },
    by === 'GET'
      ? { method: 'GET', path: `${path}?${asked}` }
      : { method: 'POST', path, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: asked },
  );
  if (exchange.end !== 'answered') return { kind: 'error', reason: `${exchange.reason}: ${exchange.detail}` };
  if (exchange.body.length < exchange.bodyBytes)
    return {
      kind: 'error',
      reason: `the answer has ${exchange.bodyBytes} bytes, more than the ${exchange.body.length} that are read`,
    };
  const shape = match(exchange, { status: [200, 400, 422, 503], type: 'application/json', body: { json: {} } });
  if (shape.kind !== 'matches')
    return { kind: 'error', reason: `no answer of Prometheus' API: status ${exchange.status}` };
  return parse(JSON.parse(exchange.body.toString('utf8')));
}

function parse(answer: unknown): QueryResult {
  if (member(answer, 'status') !== 'success')
    return {
      kind: 'error',
      reason: `${member(answer, 'errorType') ?? 'error'}: ${member(answer, 'error') ?? 'no reason given'}`,
    };
  const warnings = array(member(answer, 'warnings')).map(String);
  const data = member(answer, 'data');
  const type = member(data, 'resultType');
  const result = member(data, 'result');
  if (type === 'scalar') return { kind: 'series', series: [{ labels: {}, samples: [sample(result)] }], warnings };
  if (type !== 'vector' && type !== 'matrix') return { kind: 'error', reason: `a result of type ${type} is no series` };
  const series = array(result).map((one) => ({
    labels: labels(member(one, 'metric')),
    samples: type === 'vector' ? [sample(member(one, 'value'))] : array(member(one, 'values')).map(sample),
  }));
  return series.length === 0 ? { kind: 'absent', warnings } : { kind: 'series', series, warnings };
}

function member(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined;
}

const array = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function labels(metric: unknown): Readonly<Record<string, string>> {
  if (typeof metric !== 'object' || metric === null) return {};
  return Object.fromEntries(Object.entries(metric).map(([name, value]) => [name, String(value)]));
}

/** A pair of a time and a number as text: "1", "NaN", "+Inf". */
function sample(pair: unknown): Sample {
  const [timeS, text] = array(pair);
  const value = text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);
  return { timeS: Number(timeS), value };
}

export interface TimeInterval {
  readonly fromS: number;
  readonly toS: number;
}

/** How much of a range a series covers. A gap is time in which nothing was seen, so nothing is known. */
export interface Coverage {
  /** Steps that the range has, and those at which the series has a number. */
  readonly expected: number;
  readonly present: number;
  /** From the first to the last step of each unbroken run. */
  readonly covered: readonly TimeInterval[];
  /** Runs of missing steps, from the first to the last of them. */
  readonly gaps: readonly TimeInterval[];
}

/**
 * Prometheus looks back up to its lookback delta (5 minutes by default) for a value, which hides gaps shorter than that:
 * ask for something that does not look back, such as `count_over_time(up[15s])` at twice the scrape interval.
 */
export function coverage(samples: readonly Sample[], range: QueryRange): Coverage {
  const expected = Math.floor((range.endS - range.startS) / range.stepS + 1e-9) + 1;
  // NaN is what a ratio of two absent rates is: no observation.
  const steps = new Set(
    samples
      .filter(({ value }) => !Number.isNaN(value))
      .map(({ timeS }) => Math.round((timeS - range.startS) / range.stepS))
      .filter((step) => step >= 0 && step < expected),
  );
  const runs = { covered: [] as TimeInterval[], gaps: [] as TimeInterval[] };
  let first = 0;
  for (let step = 1; step <= expected; step += 1) {
    if (step < expected && steps.has(step) === steps.has(first)) continue;
    const interval = { fromS: range.startS + first * range.stepS, toS: range.startS + (step - 1) * range.stepS };
    (steps.has(first) ? runs.covered : runs.gaps).push(interval);
    first = step;
  }
  return { expected, present: steps.size, ...runs };
}
