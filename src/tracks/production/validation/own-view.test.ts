import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, portAt, temporaryRuntime } from '../../../../test/runtimes/temporary.ts';
import { SELF_COUNTING, sampleApp } from '../../../../test/sample-app.ts';
import type { OwnSeries } from '../../../config/app.ts';
import { judge } from '../../../evidence/judge.ts';
import type { Measurement } from '../../../evidence/measurement.ts';
import { milliseconds, seconds, systemClock } from '../../../evidence/units.ts';
import { accessLog, caddy, switchTo } from '../../../parts/caddy.ts';
import { scrapePath } from '../../../parts/caddy-configuration.ts';
import { createAuthority, issueLeaf } from '../../../parts/certificates.ts';
import { bucketBounds } from '../../../parts/golden-metrics/buckets.ts';
import { APP_JOB, JOBS } from '../../../parts/golden-metrics/metric-names.ts';
import { GOLDEN } from '../../../parts/golden-metrics/queries.ts';
import { goldenSettings } from '../../../parts/golden-metrics/settings.ts';
import { monitoringTls } from '../../../parts/monitoring-tls.ts';
import { mtail } from '../../../parts/mtail.ts';
import { carryOut, joined } from '../../../parts/part.ts';
import { prometheus, targetsFile } from '../../../parts/prometheus.ts';
import { runLoad } from '../../../probes/load/run.ts';
import { queryInstant } from '../../../probes/promql.ts';
import type { Runtime } from '../../../runtimes/runtime.ts';
import { ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import { fromOwnSeries } from './own-view.ts';

/**
 * An app that counts its own requests behind the real load balancer, with its log in the real mtail and both in a real
 * Prometheus. It keeps several books, of which some are wrong: each case says which of them the team has named.
 */
const app = sampleApp({ services: [SELF_COUNTING] });
const settings = goldenSettings(app, 'production', { scrapeInterval: seconds(1), rateWindow: seconds(10) });
const LENGTH = seconds(20);
const HONEST: OwnSeries = {
  requests: 'http_requests_total',
  status: 'code',
  duration: 'http_request_duration_seconds',
  except: {},
};

let runtime: Runtime;
let close: () => Promise<void>;
let server: Server;
let target: { readonly baseUrl: string; readonly ca: string; readonly timeoutMs: number };
let ended = 0;

/** What the app tells of `n` answered requests. Every second one takes 150 ms in its own view, the others 10 ms. */
const told = (n: number, scrapes: number): string =>
  [
    `http_requests_total{code="200",route="/"} ${n}`,
    `http_requests_total{code="200",route="/metrics"} ${scrapes}`,
    `gloomy_requests_total{code="200"} ${n - Math.floor(n / 20)}`,
    `gloomy_requests_total{code="500"} ${Math.floor(n / 20)}`,
    `forgetful_requests_total{code="200"} ${Math.floor(n / 2)}`,
    `wordless_requests_total{code="fine"} ${n}`,
    ...['0.1', '0.2', '0.5', '+Inf'].map(
      (le) => `http_request_duration_seconds_bucket{le="${le}"} ${le === '0.1' ? Math.floor(n / 2) : n}`,
    ),
    ...['0.1', '0.5', '+Inf'].map((le) => `coarse_seconds_bucket{le="${le}"} ${n}`),
    '',
  ].join('\n');

async function startApp(): Promise<number> {
  let [requests, scrapes] = [0, 0];
  server = createServer((request, answer) => {
    if (request.url === '/metrics') answer.end(told(requests, ++scrapes));
    else {
      requests += 1;
      answer.end('stock');
    }
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

beforeAll(async () => {
  ({ runtime, close } = await temporaryRuntime());
  const [ports, at] = [await freePorts(5), `127.0.0.1:${await startApp()}`];
  const now = systemClock();
  const authority = await createAuthority('test', now);
  const leaf = await issueLeaf(authority, { hostnames: ['app.test'], uses: ['server'], now });
  const tls = { ...leaf, authority: authority.certificate };
  const { place } = runtime;
  const front = {
    hostname: 'app.test',
    ports: { https: portAt(ports, 0), preview: portAt(ports, 1), inner: portAt(ports, 2) },
    backends: { blue: [{ service: 'web', paths: 'rest' as const, upstreams: [at] }], green: [] },
    inward: [],
    fronted: [],
    scraped: [
      { name: 'mtail', address: `127.0.0.1:${portAt(ports, 3)}`, path: '/metrics' },
      { name: 'dashboard', address: at, path: '/metrics' },
    ],
    tls,
  };
  const inner = `127.0.0.1:${portAt(ports, 2)}`;
  const jobs = [
    { kind: 'fixed', name: JOBS.loadBalancer, targets: [inner], path: scrapePath('mtail') },
    { kind: 'from-file', name: APP_JOB, file: 'services.json' },
  ] as const;
  const watching = {
    port: portAt(ports, 4),
    alertmanager: '127.0.0.1:1',
    serverName: 'app.test',
    scrapeInterval: settings.scrapeInterval,
    jobs,
    rules: {},
    labels: {},
    retentionDays: 1,
  };
  await carryOut(
    runtime,
    joined([
      monitoringTls(tls, place),
      mtail({ port: portAt(ports, 3), accessLog: accessLog(place), bounds: bucketBounds(app, settings) }, place),
      caddy(front, place),
      prometheus(watching, place),
    ]),
  );
  const labels = { service: 'dashboard', instance: 'dashboard-blue-1' };
  await runtime.put([targetsFile('services.json', [{ address: inner, path: scrapePath('dashboard'), labels }])]);
  await runtime.job(switchTo('blue', place));
  target = { baseUrl: `https://127.0.0.1:${portAt(ports, 4)}`, ca: tls.authority, timeoutMs: 5_000 };
  await untilScraped();
  const loaded = await runLoad({
    baseUrl: `https://127.0.0.1:${portAt(ports, 0)}`,
    requests: [{ name: 'stock', weight: 1, method: 'GET', path: '/' }],
    ratePerSecond: 30,
    durationMs: LENGTH,
    warmUpMs: 0,
    connections: 10,
    timeoutMs: 5_000,
    caFile: place.path('tls-monitoring', 'authority.pem'),
  });
  if (loaded.kind !== 'ran') throw new Error(loaded.reason);
  // Until both were read once more.
  await sleep(3_000);
  ended = Math.floor(Date.now() / 1000);
}, 120_000);

afterAll(async () => {
  await close?.();
  server?.close();
  server?.closeAllConnections();
});

/** Both are read, and the app for longer than a window can look back: then nothing of it was born before its time. */
async function untilScraped(): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    const both = await queryInstant(target, 'count(up == 1)');
    if (both.kind === 'series' && both.series[0]?.samples[0]?.value === 2) return sleep(5_000);
    await sleep(500);
  }
  throw new Error('Prometheus does not see both');
}

/** What the window measures where the team names these series. */
const measured = (series: OwnSeries): Promise<Measurement[]> =>
  fromOwnSeries(
    {
      target,
      settings: { ...settings, own: [{ service: 'dashboard', series }] },
      webServices: 1,
      endS: ended,
      window: milliseconds(LENGTH + 5_000),
      tolerance: 0.05,
      quietness: { kind: 'quiet' },
    },
    notebook('here', systemClock),
  );

const ASKED = {
  errors: ask({ id: 'e', metric: GOLDEN.errorRate, is: ['<', 1, 'percent'], source: 'test' }),
  within: ask({ id: 'w', metric: GOLDEN.latencyWithin, is: ['>=', 95, 'percent'], source: 'test' }),
  agreement: ask({ id: 'a', metric: GOLDEN.disagreement, is: ['<=', 5, 'percent'], source: 'test' }),
};

async function verdicts(series: OwnSeries) {
  const all = await measured(series);
  const of = (objective: (typeof ASKED)['errors']) =>
    judge(
      all.find((m) => m.metric === objective.metric),
      objective,
    );
  return { errors: of(ASKED.errors), within: of(ASKED.within), agreement: of(ASKED.agreement) };
}

describe('golden metrics as the app counts them itself', () => {
  it('pass where it is well and both count the same', async () => {
    expect(await verdicts({ ...HONEST, except: { route: ['/metrics'] } })).toMatchObject({
      errors: { kind: 'pass' },
      within: { kind: 'pass' },
      agreement: { kind: 'pass' },
    });
  });

  it('pass where it counts the scrapes of its metrics as well', async () => {
    expect(await verdicts(HONEST)).toMatchObject({ errors: { kind: 'pass' }, agreement: { kind: 'pass' } });
  });

  it("fail where it counts errors that the load balancer's log does not show", async () => {
    const { errors } = await verdicts({ ...HONEST, requests: 'gloomy_requests_total' });
    expect(errors).toMatchObject({ kind: 'fail' });
    expect(errors.because).toMatch(/: 5(\.\d+)? percent|: 4\.\d+ percent/);
  });

  it('say that half of the requests are not counted', async () => {
    const { agreement } = await verdicts({ ...HONEST, requests: 'forgetful_requests_total' });
    expect(agreement).toMatchObject({ kind: 'fail' });
  });

  it('name where they come from', async () => {
    const notes = (await measured(HONEST)).map(({ of, note }) => `${of}: ${note}`);
    expect(notes).toContain("dashboard: from the app's own metrics http_requests_total (dashboard)");
    expect(notes).toContain("dashboard: from the app's own metrics http_request_duration_seconds (dashboard)");
  });

  it.each<[string, OwnSeries, 'errors' | 'within', RegExp]>([
    [
      'a series that is not there',
      { ...HONEST, requests: 'nowhere_total' },
      'errors',
      /no series nowhere_total of dash/,
    ],
    ['a label that is not there', { ...HONEST, status: 'state' }, 'errors', /http_requests_total of .* label state/],
    ['a label without a status', { ...HONEST, requests: 'wordless_requests_total' }, 'errors', /in its label code/],
    ['everything excepted', { ...HONEST, except: { route: ['/', '/metrics'] } }, 'errors', /leaves out every series/],
    ['a histogram that is not there', { ...HONEST, duration: 'nowhere_seconds' }, 'within', /no histogram nowhere_sec/],
    [
      'no bucket at 200 ms',
      { ...HONEST, duration: 'coarse_seconds' },
      'within',
      /no bucket that ends at 200 ms: .* 100, 500/,
    ],
  ])('are unknown, by name, with %s', async (_, series, which, because) => {
    const verdict = (await verdicts(series))[which];
    expect(verdict).toMatchObject({ kind: 'unknown' });
    expect(verdict.because).toMatch(because);
  });
});
