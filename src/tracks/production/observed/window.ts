import type { GoldenQueries, LoadRequest, Observe, ServerByUrl } from '../../../config/app.ts';
import { lengthText } from '../../../deliverables/format.ts';
import { goldenSettingsOf } from '../../../environments/monitoring.ts';
import { absent, type Measurement, type Observed, type Quietness } from '../../../evidence/measurement.ts';
import type { Objective } from '../../../evidence/objective.ts';
import { days, type Milliseconds } from '../../../evidence/units.ts';
import { GOLDEN, UNDER_LOAD, WATCH } from '../../../parts/golden-metrics/queries.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { runLoad } from '../../../probes/load/run.ts';
import { type PrometheusTarget, type QueryRange, queryInstant, queryRange } from '../../../probes/promql.ts';
import { APPLIES, ask } from '../../asking.ts';
import { loadPlan } from '../../load-measurements.ts';
import { type Notebook, notebook } from '../../observing.ts';
import { quietly } from '../../quiet.ts';
import type { World } from '../../world.ts';
import { clientErrorsObjective } from '../validation/client-errors.ts';
import { fromClient } from '../validation/client-view.ts';
import { below, observedInputs, prometheusOf } from './deployment.ts';
import {
  type Buckets,
  coverageOf,
  errorShare,
  histogramIn,
  latencyP95,
  lookbackS,
  type Numbers,
  numbersOf,
  rangeWithin,
  requestRate,
  tooShort,
} from './golden-series.ts';
import { loadDoor } from './latency.ts';

/**
 * The objectives, judged over a window in which the deployment is asked a little all the time: GETs alone, at the low
 * rate that holdpoint.yaml says. Beside what that client sees stands what its own Prometheus tells of everybody's requests.
 */
export const observedWindow = (world: World, observe: Observe): Step => ({
  id: 'A.4/window',
  task: 'A.4',
  title: `Window of ${lengthText(world.window.length)} of reads, ${world.app.window.requestsPerMinute} a minute, at the observed app`,
  needs: ['A.1/*', 'A.2/*', 'A.3/*'],
  inputs: { ...observedInputs(world), window: world.inputs.window },
  applies: APPLIES,
  tokens: ['app', 'cpu', 'disk'],
  estimate: (world.window.length + 15_000) as Milliseconds,
  objectives: objectives(world, observe),
  retry: { kind: 'never' },
  run: (attempt) => watch(world, observe, attempt),
});

/** Reads alone, whatever is allowed: there is no key of the window to say otherwise. */
function readsOf({ app }: World): readonly LoadRequest[] {
  const reads = app.window.requests.filter(({ method }) => method === 'GET');
  return reads.length > 0 ? reads : [{ weight: 1, method: 'GET', path: '/', headers: {}, body: undefined }];
}

function objectives(world: World, observe: Observe): Objective[] {
  const { app } = world;
  const asked = goldenSettingsOf(world.production).objectives;
  const perMinute = app.window.requestsPerMinute;
  const one = (
    id: string,
    metric: string,
    is: Parameters<typeof ask>[0]['is'],
    more: Partial<Parameters<typeof ask>[0]> = {},
  ) => ask({ id, metric, is, source: 'plan A.3 and A.4: SLA', maximumAge: days(30), ...more });
  const { requests, errors, latencyP95: latency } = asksPrometheus(observe) ? observe.metrics : NO_QUERIES;
  return [
    clientErrorsObjective(app, asked.errorPercent),
    one('client-latency', UNDER_LOAD.latencyP95, ['<', asked.latencyP95, 'ms'], {
      minimumSamples: 100,
      source: `plan A.3: P95 < ${asked.latencyP95} ms, as the synthetic client saw it`,
    }),
    one('client-rate', UNDER_LOAD.requestRate, ['>=', 0.99 * perMinute, 'per-minute'], {
      source: 'the synthetic load was sent',
    }),
    ...(requests === undefined
      ? []
      : [
          // The control of its other queries: who does not see what we send need not see what others send.
          one('request-rate', GOLDEN.requestRate, ['>=', 0.9 * perMinute, 'per-minute'], {
            source: 'its Prometheus sees at least nine tenths of the synthetic load',
          }),
        ]),
    ...(requests === undefined || errors === undefined
      ? []
      : [
          one('error-rate', GOLDEN.errorRate, ['<', asked.errorPercent, 'percent'], {
            minimumSamples: 100,
            source: 'plan A.3 and A.4: error rate of all requests, as its Prometheus counts them',
          }),
        ]),
    ...(latency === undefined
      ? []
      : [
          one('latency-p95', GOLDEN.latencyP95, ['<=', asked.latencyP95, 'ms'], {
            source: `plan A.3: P95 of ${asked.latencyP95} ms, of all requests, as far as its buckets tell`,
          }),
        ]),
    ...(requests === undefined && latency === undefined
      ? []
      : [one('coverage', WATCH.coverage, ['>=', 99, 'percent'], { source: 'what was not watched is not known' })]),
  ];
}

const NO_QUERIES: GoldenQueries = { requests: undefined, errors: undefined, latencyP95: undefined };
const asksPrometheus = (o: Observe): o is Observe & { readonly prometheus: ServerByUrl } => o.prometheus !== undefined;

async function watch(world: World, observe: Observe, attempt: Attempt): Promise<Measurement[]> {
  const { app } = world;
  const length = world.window.length;
  const { requestsPerMinute } = app.window;
  const load = { requestsPerMinute, duration: length, requests: readsOf(world).map((r) => below(observe, r)) };
  const door = loadDoor(observe);
  const plan = loadPlan(load, { ...door, requestsPerMinute, durationMs: length, warmUpMs: 0 });
  const note = notebook(world.host.name, world.clock);
  const startS = Math.ceil(Date.now() / 1000);
  let second = 0;
  const onSecond = () => {
    second += 1;
    if (second % 30 === 0) attempt.progress(`${second} of ${Math.round(length / 1000)} s watched`);
  };
  const { result, quietness } = await quietly(() => runLoad(plan, { signal: attempt.signal, onSecond }));
  const endS = Math.floor(Date.now() / 1000);
  if (attempt.signal.aborted) return [];
  const client = { app, host: world.host.name, url: observe.url, outcome: result, quietness };
  return [
    ...fromClient(client, note),
    ...(asksPrometheus(observe)
      ? await fromPrometheus(observe, await prometheusOf(observe.prometheus), { startS, endS, quietness }, note)
      : []),
  ];
}

type Over = { readonly startS: number; readonly endS: number; readonly quietness: Quietness };

async function fromPrometheus(
  { metrics }: Observe,
  target: PrometheusTarget,
  over: Over,
  note: Notebook,
): Promise<Measurement[]> {
  const { requests, errors, latencyP95: latency } = metrics;
  const asked = [requests, errors].filter((query) => query !== undefined);
  const counted = await Promise.all(asked.map((query) => numbersWithin(target, query, asked, over)));
  const about = (query: string) => ({ quietness: over.quietness, method: { kind: 'query', text: query } }) as const;
  const found: Measurement[] = [];
  const [all, failed] = counted;
  if (requests !== undefined && all !== undefined) {
    const seen = orWhyNot(all, (samples) => requestRate(samples));
    found.push(note({ metric: GOLDEN.requestRate, unit: 'per-minute', ...about(requests), observed: seen }));
    found.push(coverageNote('requests', requests, all, note));
  }
  if (requests !== undefined && errors !== undefined && all !== undefined && failed !== undefined)
    found.push(note({ metric: GOLDEN.errorRate, unit: 'percent', ...about(errors), observed: shareOf(all, failed) }));
  if (latency !== undefined) {
    const seen = await numbersWithin(target, latency, [latency], over);
    const buckets = await bucketsOf(target, latency, over.endS);
    const observed =
      'reason' in buckets ? absent(buckets.reason) : orWhyNot(seen, (s) => latencyP95(s, buckets.bounds));
    const says = 'reason' in buckets ? undefined : bucketsText(latency, buckets.bounds);
    found.push(note({ metric: GOLDEN.latencyP95, unit: 'ms', ...about(latency), observed, note: says }));
    found.push(coverageNote('latencyP95', latency, seen, note));
  }
  return found;
}

/** The numbers of a query at times that tell of the window alone, with those times. */
type Within =
  | { readonly numbers: Numbers; readonly range: QueryRange; readonly lookback: number }
  | { readonly reason: string };

/** @param together queries whose numbers are held against one another: the one that looks back furthest decides */
async function numbersWithin(
  target: PrometheusTarget,
  query: string,
  together: readonly string[],
  { startS, endS }: Over,
): Promise<Within> {
  const lookback = Math.max(...together.map(lookbackS));
  const range = rangeWithin({ startS, endS }, lookback);
  if (range === undefined) return { reason: tooShort(lookback, ((endS - startS) * 1000) as Milliseconds) };
  return { numbers: numbersOf(await queryRange(target, query, range)), range, lookback };
}

type Samples = Extract<Numbers, { kind: 'numbers' }>['samples'];

function orWhyNot(seen: Within, observed: (samples: Samples) => Observed): Observed {
  if ('reason' in seen) return absent(seen.reason);
  switch (seen.numbers.kind) {
    case 'numbers':
      return observed(seen.numbers.samples);
    case 'none':
      return absent('Prometheus has no number for it in the window');
    case 'unusable':
      return absent(seen.numbers.reason);
  }
}

/** No series of errors beside counted requests is no error; an answer that is no answer is not. */
function shareOf(all: Within, failed: Within): Observed {
  return orWhyNot(all, (requests) => {
    if ('reason' in failed || 'reason' in all) return absent('reason' in failed ? failed.reason : 'no requests');
    if (failed.numbers.kind === 'unusable') return absent(failed.numbers.reason);
    const errors = failed.numbers.kind === 'numbers' ? failed.numbers.samples : undefined;
    return errorShare(requests, errors, { stepS: all.range.stepS, lookback: all.lookback });
  });
}

const coverageNote = (of: keyof GoldenQueries, query: string, seen: Within, note: Notebook): Measurement =>
  note({
    metric: WATCH.coverage,
    unit: 'percent',
    of,
    method: { kind: 'query', text: query },
    observed: coverage(seen),
    note: 'times at which the query gave a number',
  });

function coverage(seen: Within): Observed {
  if ('reason' in seen) return absent(seen.reason);
  if (seen.numbers.kind === 'unusable') return absent(seen.numbers.reason);
  return coverageOf(seen.numbers.kind === 'numbers' ? seen.numbers.samples : [], seen.range);
}

/** The bounds of the histogram that a query reads: how finely it can tell. */
async function bucketsOf(
  target: PrometheusTarget,
  query: string,
  endS: number,
): Promise<{ readonly bounds: Buckets } | { readonly reason: string }> {
  const histogram = histogramIn(query);
  if (histogram === undefined) return { bounds: [] };
  const result = await queryInstant(target, `count by (le) (${histogram})`, endS);
  if (result.kind === 'error') return { reason: result.reason };
  const bounds = (result.kind === 'series' ? result.series : [])
    .map(({ labels }) => Number(labels.le))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return bounds.length > 0 ? { bounds } : { reason: `Prometheus has no buckets of ${histogram}` };
}

function bucketsText(query: string, bounds: Buckets): string {
  if (bounds.length > 0) return `as far as its buckets tell: ${bounds.map((b) => `${b * 1000}`).join(', ')} ms`;
  return histogramIn(query) === undefined ? 'how finely the query tells is not known' : 'its buckets are not known';
}
