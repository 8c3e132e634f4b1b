import { authorityFile } from '../../../environments/certificates.ts';
import { goldenSettingsOf, prometheusTarget, SCRAPE_INTERVAL } from '../../../environments/monitoring.ts';
import { absent, exactly, type Measurement, type Observed } from '../../../evidence/measurement.ts';
import { days, type Milliseconds } from '../../../evidence/units.ts';
import { GOLDEN, type GoldenQuery, goldenQueries, WATCH } from '../../../parts/golden-metrics/queries.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import type { HttpTarget } from '../../../probes/http.ts';
import { runLoad } from '../../../probes/load/run.ts';
import { coverage, queryInstant, queryRange } from '../../../probes/promql.ts';
import { appliesIf, ask } from '../../asking.ts';
import { loadMeasurements, loadPlan } from '../../load-measurements.ts';
import { type Notebook, notebook } from '../../observing.ts';
import { quietly } from '../../quiet.ts';
import { authorityOf } from '../../rollout.ts';
import type { World } from '../../world.ts';

/** The objectives, judged over the window under a steady synthetic load. What was not watched is not known. */
export const window = (world: World): Step => ({
  id: 'A.4/window',
  task: 'A.4',
  title: `Validation window of ${Math.round(world.window.length / 60_000)} min under steady load`,
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

function windowObjectives(world: World) {
  const { objectives: golden } = goldenSettingsOf(world.production);
  const one = (
    id: string,
    metric: string,
    is: Parameters<typeof ask>[0]['is'],
    more: Partial<Parameters<typeof ask>[0]> = {},
  ) => ask({ id, metric, is, source: 'plan A.3 and A.4: SLA', maximumAge: days(30), ...more });
  return [
    one('error-rate', GOLDEN.errorRate, ['<', golden.errorPercent, 'percent'], { minimumSamples: 100 }),
    one('latency', GOLDEN.latencyWithin, ['>=', 95, 'percent'], {
      minimumSamples: 100,
      source: `plan A.3: P95 < ${golden.latencyP95} ms, counted at a bucket's bound`,
    }),
    one('latency-p95', GOLDEN.latencyP95, ['<', golden.latencyP95, 'ms'], { gate: 'inform' }),
    one('request-rate', GOLDEN.requestRate, ['>=', world.app.window.requestsPerMinute * 0.99, 'per-minute'], {
      source: 'the synthetic load arrived',
    }),
    one('cpu', GOLDEN.cpu, ['<', golden.cpuPercent, 'percent'], { source: 'plan A.3: CPU < 70 %' }),
    one('memory', GOLDEN.memory, ['<', golden.memoryBytes, 'bytes'], { source: 'plan A.3: memory < 512 MB a service' }),
    ...(world.app.database
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

async function watch(world: World, attempt: Attempt): Promise<Measurement[]> {
  const { app, production } = world;
  const length = world.window.length;
  const load = {
    requestsPerMinute: app.window.requestsPerMinute,
    duration: length,
    requests: app.window.requests.length > 0 ? app.window.requests : (app.load?.requests ?? []),
  };
  const shape = {
    baseUrl: `https://127.0.0.1:${production.ports.https}`,
    caFile: authorityFile(production),
    requestsPerMinute: load.requestsPerMinute,
    durationMs: length,
    warmUpMs: 0,
  };
  const target = prometheusTarget(production, await authorityOf(production));
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
  const fromClient = result.kind === 'ran' ? loadMeasurements(result.result, world.host.name, quietness) : [];
  const golden: Measurement[] = [];
  for (const query of goldenQueries(app, goldenSettingsOf(production), ((endS - startS) * 1000) as Milliseconds))
    golden.push(...(await read(target, query, endS, note)));
  return [...golden, ...(await howWellWatched(target, { startS, endS }, note)), ...fromClient];
}

/** One golden metric over the window, as Prometheus has it. No result is an absent value: nobody saw, so nobody knows. */
async function read(target: HttpTarget, query: GoldenQuery, endS: number, note: Notebook): Promise<Measurement[]> {
  const about = { metric: query.metric, unit: query.unit, method: { kind: 'query', text: query.expr } } as const;
  const result = await queryInstant(target, query.expr, endS);
  if (result.kind === 'error') return [note({ ...about, observed: absent(result.reason) })];
  if (result.kind === 'absent')
    return [note({ ...about, observed: absent('Prometheus has no data for it over the window') })];
  const n = await countOf(target, query, endS);
  return result.series.map((series) => {
    const value = series.samples.at(-1)?.value ?? Number.NaN;
    const observed: Observed = Number.isFinite(value)
      ? { kind: 'value', value, interval: [value, value], n, resolution: resolutionOf(query, n) }
      : absent('the value is no number');
    return note({ ...about, of: query.ofLabel ? (series.labels[query.ofLabel] ?? '') : '', observed });
  });
}

/**
 * Over the window a share is a count of what happened in it, and no sample of something larger: what cannot be told is
 * less than one request.
 */
const resolutionOf = (query: GoldenQuery, n: number): number =>
  n > 0 && (query.metric === GOLDEN.errorRate || query.metric === GOLDEN.latencyWithin) ? 100 / n : 0;

async function countOf(target: HttpTarget, query: GoldenQuery, endS: number): Promise<number> {
  if (query.count === undefined) return 1;
  const result = await queryInstant(target, query.count, endS);
  return result.kind === 'series' ? Math.floor(result.series[0]?.samples.at(-1)?.value ?? 0) : 0;
}

/**
 * How much of the window Prometheus looked: the share of steps at which the target of each scrape job was read, for the
 * worst of them, and the longest time in which one was not. Twice the scrape interval, so that nothing looks back
 * further.
 */
async function howWellWatched(
  target: HttpTarget,
  { startS, endS }: { readonly startS: number; readonly endS: number },
  note: Notebook,
): Promise<Measurement[]> {
  const stepS = SCRAPE_INTERVAL / 1000;
  const expr = `max_over_time(up{job!="delivery-check"}[${2 * stepS}s]) > 0`;
  const range = { startS: startS + 2 * stepS, endS, stepS };
  const method = { kind: 'query', text: expr } as const;
  const result = await queryRange(target, expr, range);
  const unseen = (reason: string) =>
    [WATCH.coverage, WATCH.longestGap].map((metric) =>
      note({ metric, unit: metric === WATCH.coverage ? 'percent' : 'ms', observed: absent(reason), method }),
    );
  if (result.kind === 'error') return unseen(result.reason);
  if (result.kind === 'absent') return unseen('Prometheus saw no target in the window');
  const looks = result.series.map((series) => ({
    name: series.labels.instance ?? '',
    ...coverage(series.samples, range),
  }));
  const share = Math.min(...looks.map((l) => (100 * l.present) / l.expected));
  const gap = Math.max(0, ...looks.flatMap((l) => l.gaps.map((g) => (g.toS - g.fromS + stepS) * 1000)));
  const n = looks.reduce((sum, l) => sum + l.present, 0);
  const worst = looks.find((l) => (100 * l.present) / l.expected === share);
  return [
    note({
      metric: WATCH.coverage,
      unit: 'percent',
      observed: exactly(share, n),
      method,
      note: share < 100 ? `${worst?.name} was seen least` : undefined,
    }),
    note({
      metric: WATCH.longestGap,
      unit: 'ms',
      observed: { kind: 'value', value: gap, interval: [Math.max(0, gap - stepS * 1000), gap], n, resolution: 0 },
      method,
    }),
  ];
}
