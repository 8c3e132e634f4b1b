import { validateHeaderName, validateHeaderValue } from 'node:http';
import { errorText } from '../exchange.ts';
import { type Template, unknownPlaces } from '../template.ts';

/** One kind of request in the mix. Path, header values and body are templates. */
export interface LoadRequest {
  /** Names it in the result. */
  readonly name: string;
  /** Share of the mix, relative to the other weights. */
  readonly weight: number;
  readonly method: string;
  readonly path: Template;
  readonly headers?: Readonly<Record<string, Template>>;
  readonly body?: Template;
}

/** An open-loop load as data: it can cross to the process that generates it. Durations in milliseconds. */
export interface LoadPlan {
  readonly baseUrl: string;
  readonly requests: readonly LoadRequest[];
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Sent at the same rate before the measured part, and counted apart. */
  readonly warmUpMs: number;
  /** Most connections at once. A request that finds none free waits, and the wait is part of its latency. */
  readonly connections: number;
  /** From the moment the generator turned to the request, waiting for a connection included. */
  readonly timeoutMs: number;
  /** PEM file of the authorities to trust instead of the system's. */
  readonly caFile?: string;
}

const LONGEST_TIMEOUT_MS = 3_600_000;

/** What is wrong with `plan`, all of it at once; empty when it can run. */
export function planFaults(plan: LoadPlan): readonly string[] {
  const faults: string[] = [];
  const atLeast = (name: string, value: number, least: number) => {
    if (!Number.isFinite(value) || value < least)
      faults.push(`${name} is ${value}, but must be a number of at least ${least}`);
  };
  if (!URL.canParse(plan.baseUrl) || !/^https?:$/.test(new URL(plan.baseUrl).protocol))
    faults.push(`base URL '${plan.baseUrl}' is not an http:// or https:// URL`);
  if (!(plan.ratePerSecond > 0) || !Number.isFinite(plan.ratePerSecond))
    faults.push(`rate is ${plan.ratePerSecond} requests a second, but must be more than 0`);
  atLeast('duration in ms', plan.durationMs, 1);
  atLeast('warm-up in ms', plan.warmUpMs, 0);
  atLeast('number of connections', plan.connections, 1);
  atLeast('timeout in ms', plan.timeoutMs, 1);
  if (plan.timeoutMs > LONGEST_TIMEOUT_MS)
    faults.push(`timeout in ms is ${plan.timeoutMs}, but at most ${LONGEST_TIMEOUT_MS}`);
  if (plan.requests.length === 0) faults.push('there is no request in the mix');
  const names = new Set<string>();
  for (const request of plan.requests) {
    if (names.has(request.name)) faults.push(`two requests are called '${request.name}'`);
    names.add(request.name);
    if (!(request.weight > 0) || !Number.isFinite(request.weight))
      faults.push(`request '${request.name}' has weight ${request.weight}, but must have more than 0`);
    faults.push(...syntaxFaults(request));
    const templates = [request.path, request.body ?? '', ...Object.values(request.headers ?? {})];
    for (const place of templates.flatMap(unknownPlaces))
      faults.push(`request '${request.name}' has ${place}; known are {{sequence}}, {{sequence mod N}} and {{key}}`);
  }
  return faults;
}

/** What would break the request on the wire. */
function syntaxFaults({ name, method, path, headers }: LoadRequest): readonly string[] {
  const faults: string[] = [];
  if (!/^[A-Z]+$/.test(method) || method === 'CONNECT') faults.push(`request '${name}' has method '${method}'`);
  if (!/^\/[\x21-\x7e]*$/.test(path.replace(/\{\{[^}]*\}\}/g, '')))
    faults.push(`request '${name}' has path '${path}', which must begin with / and be URL-encoded`);
  for (const [field, value] of Object.entries(headers ?? {})) {
    if (/^(content-length|transfer-encoding|host)$/i.test(field))
      faults.push(`request '${name}' sets '${field}', which the generator sets itself`);
    try {
      validateHeaderName(field);
      validateHeaderValue(field, value);
      if (/[^\x20-\x7e]/.test(value)) faults.push(`request '${name}' has a value of '${field}' that is not ASCII`);
    } catch (error) {
      faults.push(`request '${name}': ${errorText(error)}`);
    }
  }
  return faults;
}

/**
 * Spreads the mix evenly and without chance: after any number of turns each request has had its share, give or take one
 * (smooth weighted round-robin, as nginx balances upstreams).
 */
export function mixer<Request extends { readonly weight: number }>(requests: readonly Request[]): () => Request {
  const total = requests.reduce((sum, { weight }) => sum + weight, 0);
  const credits = requests.map((request) => ({ request, credit: 0 }));
  return () => {
    let next = credits[0];
    for (const entry of credits) {
      entry.credit += entry.request.weight;
      if (next === undefined || entry.credit > next.credit) next = entry;
    }
    if (next === undefined) throw new RangeError('a mix needs at least one request');
    next.credit -= total;
    return next.request;
  };
}
