import { servesPeople } from '../../../config/serves-people.ts';
import { lengthText } from '../../../deliverables/format.ts';
import { publicDoor } from '../../../environments/expectation.ts';
import { goldenSettingsOf, prometheusTarget, SCRAPE_INTERVAL } from '../../../environments/monitoring.ts';
import { absent, exactly, type Measurement, type Quietness } from '../../../evidence/measurement.ts';
import type { Objective } from '../../../evidence/objective.ts';
import { days, type Milliseconds } from '../../../evidence/units.ts';
import { GOLDEN, type GoldenQuery, goldenQueries, UNDER_LOAD, WATCH } from '../../../parts/golden-metrics/queries.ts';
import type { GoldenSettings } from '../../../parts/golden-metrics/settings.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import type { HttpTarget } from '../../../probes/http.ts';
import { runLoad } from '../../../probes/load/run.ts';
import { queryInstant, queryRange, type Series } from '../../../probes/promql.ts';
import { appliesIf, ask } from '../../asking.ts';
import { loadPlan } from '../../load-measurements.ts';
import { type Notebook, notebook } from '../../observing.ts';
import { quietly } from '../../quiet.ts';
import type { World } from '../../world.ts';
import { clientErrorsObjective } from './client-errors.ts';
import { fromClient } from './client-view.ts';
import { fromOwnSeries } from './own-view.ts';
import { countQuery, observedOf, type Sampling, samplingNote } from './readings.ts';
import { expectedTargets, joinedSeries, LOOKBACK_STEPS, pieces, watchedOver } from './watching.ts';

/** The objectives, judged over the window under a steady synthetic load. What was not watched is not known. */
export const window = (world: World): Step => ({
  id: 'A.4/window',
  task: 'A.4',
  title: `Validation window of ${lengthText(world.window.length)} under steady load`,
  needs: ['A.3/*', 'A.2/*'],
  inputs: {
    production: world.inputs.production,
    release: world.inputs.release,
    window: world.inputs.window,
    holdpoint: world.inputs.holdpoint,
  },
  applies: appliesIf(
    world.app.load !== undefined || world.app.window.requests.length > 0,
    'the app declares no load, so the window would be empty',
  ),
  tokens: ['app', 'cpu', 'disk'],
  estimate: (world.window.length + 15_000) as Milliseconds,
  objectives: windowObjectives(world),
  retry: { kind: 'never' },
  run: (attempt) => watch(world, attempt),
});

/**
 * A count that is read from scrapes is off by what comes in one scrape interval: 8 % of a window of a minute, nothing of a
 * day. Beyond that 1 % may be missing.
 */
const toleranceOf = ({ window: { length } }: World): number => Math.max(0.01, SCRAPE_INTERVAL / length);

/** The load as Prometheus must have seen it, a minute. */
const leastRate = (world: World): number => world.app.window.requestsPerMinute * (1 - toleranceOf(world));

function windowObjectives(world: World) {
  const settings = goldenSettingsOf(world.production);
  const { objectives: golden } = settings;
  const one = (
    id: string,
    metric: string,
    is: Parameters<typeof ask>[0]['is'],
    more: Partial<Parameters<typeof ask>[0]> = {},
  ) => ask({ id, metric, is, source: 'plan A.3 and A.4: SLA', maximumAge: days(30), ...more });
  // Somebody else's Prometheus counts in words that we do not know: then the synthetic client alone tells.
  if (world.app.prometheus !== undefined)
    return [
      clientErrorsObjective(world.app, golden.errorPercent),
      one('client-latency', UNDER_LOAD.latencyP95, ['<', golden.latencyP95, 'ms'], {
        minimumSamples: 100,
        source: `plan A.3: P95 < ${golden.latencyP95} ms, as the synthetic client saw it`,
      }),
      one('client-rate', UNDER_LOAD.requestRate, ['>=', leastRate(world), 'per-minute'], {
        source: 'the synthetic load was sent',
      }),
    ];
  return [
    one('error-rate', GOLDEN.errorRate, ['<', golden.errorPercent, 'percent'], { minimumSamples: 100 }),
    clientErrorsObjective(world.app, golden.errorPercent),
    one('latency', GOLDEN.latencyWithin, ['>=', 95, 'percent'], {
      minimumSamples: 100,
      source: `plan A.3: P95 < ${golden.latencyP95} ms, counted at a bucket's bound`,
    }),
    one('latency-p95', GOLDEN.latencyP95, ['<', golden.latencyP95, 'ms'], { gate: 'inform' }),
    ...besideOwnSeries(settings, one, toleranceOf(world)),
    one('request-rate', GOLDEN.requestRate, ['>=', leastRate(world), 'per-minute'], {
      source: 'the synthetic load arrived',
    }),
    one('cpu', GOLDEN.cpu, ['<', golden.cpuPercent, 'percent'], { source: 'plan A.3: CPU < 70 %' }),
    one('memory', GOLDEN.memory, ['<', golden.memoryBytes, 'bytes'], { source: 'plan A.3: memory < 512 MB a service' }),
    ...(world.app.database?.managed.kind === 'by-holdpoint'
      ? [
          one('connections', GOLDEN.connections, ['<', golden.databaseConnections, 'count'], {
            source: 'plan A.3: database connections < 100',
          }),
        ]
      : []),
    one('coverage', WATCH.coverage, ['>=', 99, 'percent'], { source: 'what was not watched is not known' }),
    one('longest-gap', WATCH.longestGap, ['<', 30_000, 'ms'], { source: 'a gap is unknown, not good' }),
  ];
}

type One = (
  id: string,
  metric: string,
  is: Parameters<typeof ask>[0]['is'],
  more?: Partial<Parameters<typeof ask>[0]>,
) => Objective;

/** What is asked besides of an app that counts its own requests: the objectives above are asked of its figures as well. */
function besideOwnSeries(
  { own, objectives, loadBalancerLatency }: GoldenSettings,
  one: One,
  tolerance: number,
): Objective[] {
  if (own.length === 0) return [];
  return [
    one('agreement', GOLDEN.disagreement, ['<=', Math.round(1_000 * tolerance) / 10, 'percent'], {
      gate: 'warn',
      source: "the app's own count of requests and the load balancer's are the same",
    }),
    ...(loadBalancerLatency === 'judged'
      ? []
      : [
          one('load-balancer-latency', GOLDEN.latencyWithinAtLoadBalancer, ['>=', 95, 'percent'], {
            gate: 'warn',
            minimumSamples: 100,
            source: `plan A.3: P95 < ${objectives.latencyP95} ms, with what lies before the app`,
          }),
        ]),
  ];
}

async function watch(world: World, attempt: Attempt): Promise<Measurement[]> {
  const { app, production } = world;
  const length = world.window.length;
  const load = {
    requestsPerMinute: app.window.requestsPerMinute,
    duration: length,
    requests: app.window.requests.length > 0 ? app.window.requests : (app.load?.requests ?? []),
  };
  const shape = {
    ...(await publicDoor(production)),
    requestsPerMinute: load.requestsPerMinute,
    durationMs: length,
    warmUpMs: 0,
  };
  const target = await prometheusTarget(production);
  const note = notebook(world.host.name, world.clock);
  const startS = Math.ceil(Date.now() / 1000);
  let second = 0;
  const onSecond = () => {
    second += 1;
    if (second % 30 === 0) attempt.progress(`${second} of ${Math.round(length / 1000)} s watched`);
  };
  const { result, quietness } = await quietly(() =>
    runLoad(loadPlan(load, shape), { signal: attempt.signal, onSecond }),
  );
  const endS = Math.floor(Date.now() / 1000);
  if (attempt.signal.aborted) return [];
  const client = { app, host: world.host.name, url: shape.baseUrl, outcome: result, quietness };
  if (app.prometheus !== undefined) return fromClient(client, note);
  const sampling = { window: ((endS - startS) * 1000) as Milliseconds, scrapeInterval: SCRAPE_INTERVAL };
  const settings = goldenSettingsOf(production);
  const golden: Measurement[] = [];
  for (const query of goldenQueries(app, settings, sampling.window))
    golden.push(...(await read(target, query, { endS, sampling, quietness }, note)));
  const webServices = app.services.filter(servesPeople).length;
  const over = { endS, window: sampling.window, tolerance: toleranceOf(world), quietness };
  golden.push(...(await fromOwnSeries({ target, settings, webServices, ...over }, note)));
  return [...golden, ...(await howWellWatched(world, target, { startS, endS }, note)), ...fromClient(client, note)];
}

type Over = { readonly endS: number; readonly sampling: Sampling; readonly quietness: Quietness };

/** One golden metric over the window, as Prometheus has it. No result is an absent value: nobody saw, so nobody knows. */
async function read(
  target: HttpTarget,
  query: GoldenQuery,
  { endS, sampling, quietness }: Over,
  note: Notebook,
): Promise<Measurement[]> {
  const { metric, unit } = query;
  const about = { metric, unit, quietness, method: { kind: 'query', text: query.expr } } as const;
  const result = await queryInstant(target, query.expr, endS);
  if (result.kind === 'error') return [note({ ...about, observed: absent(result.reason) })];
  if (result.kind === 'absent')
    return [note({ ...about, observed: absent('Prometheus has no data for it over the window') })];
  const countOf = await counts(target, query, sampling.window, endS);
  return result.series.map((series) => {
    const value = series.samples.at(-1)?.value ?? Number.NaN;
    const n = countOf(series);
    return note({
      ...about,
      of: query.ofLabel ? (series.labels[query.ofLabel] ?? '') : '',
      observed: Number.isFinite(value) ? observedOf(metric, value, n, sampling) : absent('the value is no number'),
      note: samplingNote(metric, n, sampling) ?? query.from,
    });
  });
}

/** On how many observations each result rests: 0 where Prometheus does not say. */
async function counts(
  target: HttpTarget,
  query: GoldenQuery,
  window: Milliseconds,
  endS: number,
): Promise<(about: Series) => number> {
  const { ofLabel } = query;
  const expr = countQuery(query, window);
  if (expr === undefined) return () => 1;
  const result = await queryInstant(target, expr, endS);
  const counted = result.kind === 'series' ? result.series : [];
  return ({ labels }) => {
    const mine = counted.find((c) => ofLabel === undefined || c.labels[ofLabel] === labels[ofLabel]);
    return Math.floor(mine?.samples.at(-1)?.value ?? 0);
  };
}

/**
 * How much of the window Prometheus looked: the share of steps at which the target of each scrape job was read, for the
 * worst of them, and the longest time in which one was not. Twice the scrape interval, so that nothing looks back
 * further. A target that was down all the time is 0 at each step: the query must not leave it out.
 */
async function howWellWatched(
  { production }: World,
  target: HttpTarget,
  { startS, endS }: { readonly startS: number; readonly endS: number },
  note: Notebook,
): Promise<Measurement[]> {
  const stepS = SCRAPE_INTERVAL / 1000;
  const expr = `max_over_time(up{job!="delivery-check"}[${LOOKBACK_STEPS * stepS}s])`;
  const range = { startS: startS + LOOKBACK_STEPS * stepS, endS, stepS };
  const method = { kind: 'query', text: expr } as const;
  const unseen = (reason: string) =>
    [WATCH.coverage, WATCH.longestGap].map((metric) =>
      note({ metric, unit: metric === WATCH.coverage ? 'percent' : 'ms', observed: absent(reason), method }),
    );
  const seen: Series[] = [];
  for (const piece of pieces(range)) {
    const result = await queryRange(target, expr, piece);
    if (result.kind === 'error') return unseen(result.reason);
    if (result.kind === 'series') seen.push(...result.series);
  }
  const expected = expectedTargets(production.app, goldenSettingsOf(production).jobs);
  const watched = seen.length === 0 ? undefined : watchedOver(joinedSeries(seen), range, expected);
  if (watched === undefined) return unseen('Prometheus saw no target in the window');
  const { share, due, worst, longestGap } = watched;
  return [
    note({
      metric: WATCH.coverage,
      unit: 'percent',
      observed: exactly(share, due),
      method,
      note: share < 100 ? `${worst} was seen least` : undefined,
    }),
    note({
      metric: WATCH.longestGap,
      unit: 'ms',
      observed: { kind: 'value', value: longestGap[0], interval: longestGap, n: due, resolution: 0 },
      method,
      note: 'from one scrape that worked to the next',
    }),
  ];
}
