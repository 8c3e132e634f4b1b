import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleApp } from '../../../test/sample-app.ts';
import { hours, instant, seconds } from '../../evidence/units.ts';
import type { Scrape } from './coverage.ts';
import { coverage, coverageQuery } from './coverage.ts';
import { dashboardQueries } from './dashboard.ts';
import { GOLDEN, goldenQueries } from './queries.ts';
import { goldenSettings } from './settings.ts';

/** A day of samples, one a minute, written into a real Prometheus: nobody waits for 24 hours. */
const app = sampleApp();
const settings = { ...goldenSettings(app, 'production'), scrapeInterval: seconds(60) };
const DAY = hours(24);
const END = Date.parse('2026-03-02T00:00:00Z') / 1_000;
const MINUTES = 1_440;
/** The hour in which Prometheus was stopped. */
const STOPPED = { from: 600, to: 660 };

let folder: string;
let server: ChildProcess;
let base: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdpoint-prometheus-'));
  await writeFile(join(folder, 'day.txt'), openMetrics());
  await promisify(execFile)('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', 'day.txt', 'data'], {
    cwd: folder,
  });
  await writeFile(join(folder, 'prometheus.yml'), 'scrape_configs: []\n');
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  server = spawn(
    'prometheus',
    [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=data',
      '--storage.tsdb.retention.time=100y',
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { cwd: folder, stdio: 'ignore' },
  );
  await ready();
});

afterAll(async () => {
  if (server?.exitCode === null) {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
});

/** 600 requests a minute, 0.05 % errors, 97 % within 200 ms and none slower than 400 ms. */
function openMetrics(): string {
  const families: readonly { name: string; type: string; at: (minute: number) => Record<string, number> }[] = [
    {
      name: 'holdpoint_lb_requests',
      type: 'counter',
      at: (m) => ({ '_total{class="2xx"}': m * 599.7, '_total{class="5xx"}': m * 0.3 }),
    },
    {
      name: 'holdpoint_lb_request_duration_milliseconds',
      type: 'histogram',
      at: (m) => ({
        '_bucket{le="200"}': m * 582,
        '_bucket{le="400"}': m * 600,
        '_bucket{le="+Inf"}': m * 600,
      }),
    },
    {
      name: 'holdpoint_unit_cpu_seconds',
      type: 'counter',
      at: (m) => ({ '_total{unit="dashboard-1",service="dashboard"}': m * 24 }),
    },
    {
      name: 'holdpoint_unit_memory_bytes',
      type: 'gauge',
      at: (m) => ({ '{unit="dashboard-1",service="dashboard"}': m === 900 ? 3e8 : 1e8 }),
    },
    { name: 'holdpoint_host_cpu_cores', type: 'gauge', at: () => ({ '': 4 }) },
    {
      name: 'pg_stat_database_numbackends',
      type: 'gauge',
      at: (m) => ({ '{datname="app"}': m === 900 ? 42 : 7, '{datname="postgres"}': 1 }),
    },
    {
      name: 'probe_ssl_earliest_cert_expiry',
      type: 'gauge',
      at: () => ({ '{instance="https://app"}': END + 90 * 86_400 }),
    },
    { name: 'up', type: 'gauge', at: () => ({ '{job="load-balancer",instance="a"}': 1 }) },
  ];
  const minutes = Array.from({ length: MINUTES + 1 }, (_, m) => m).filter((m) => m <= STOPPED.from || m >= STOPPED.to);
  const lines = families.flatMap(({ name, type, at }) => [
    `# TYPE ${name} ${type}`,
    ...minutes.flatMap((m) =>
      Object.entries(at(m)).map(([rest, value]) => `${name}${rest} ${value} ${END - (MINUTES - m) * 60}`),
    ),
  ]);
  return [...lines, '# EOF', ''].join('\n');
}

type Series = { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] };

async function ask(query: string): Promise<Series[]> {
  const answer = await fetch(`${base}/api/v1/query?${new URLSearchParams({ query, time: String(END) })}`);
  const body = (await answer.json()) as { status: string; error?: string; data: { result: Series[] } };
  expect(body.error).toBeUndefined();
  return body.data.result;
}

/** What the golden query of a metric reads; undefined where it has no result. */
async function read(metric: string): Promise<number | undefined> {
  for (const query of goldenQueries(app, settings, DAY).filter((q) => q.metric === metric)) {
    const [first] = await ask(query.expr);
    if (first?.value) return Number(first.value[1]);
  }
  return undefined;
}

describe('the golden metrics of a day, read from a real Prometheus', () => {
  test.each([
    [GOLDEN.requestRate, 600],
    [GOLDEN.errorRate, 0.05],
    [GOLDEN.latencyWithin, 97],
    [GOLDEN.cpu, 10],
    [GOLDEN.cpuOfService, 10],
    [GOLDEN.memory, 3e8],
    [GOLDEN.connections, 43],
    [GOLDEN.certificate, 90],
  ])('%s is %d', async (metric, expected) => {
    expect(await read(metric)).toBeCloseTo(expected, 2);
  });

  test('each says on how many observations it rests', async () => {
    for (const { count } of goldenQueries(app, settings, DAY)) {
      if (count === undefined) continue;
      const [first] = await ask(count);
      expect(Number(first?.value?.[1])).toBeCloseTo(MINUTES * 600, -1);
    }
  });

  test('a Prometheus that was stopped for an hour is a gap of an hour, not an hour that was good', async () => {
    const [target] = await ask(coverageQuery(settings, DAY));
    const scrapes = (target?.values ?? []).map(
      ([at, value]): Scrape => ({ at: instant(at * 1_000), worked: value === '1' ? 1 : 0 }),
    );
    const seen = coverage(scrapes, instant((END - 86_400) * 1_000), instant(END * 1_000), settings.scrapeInterval);
    expect(seen.longestGap).toBe(hours(1));
    expect(seen.gaps).toHaveLength(1);
    expect(seen.share).toBeLessThan(0.97);
  });

  test("every query of the dashboard is one that Prometheus' parser takes", async () => {
    for (const { expr } of dashboardQueries(app, settings)) await ask(expr);
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function ready(): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`${base}/-/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error('Prometheus did not become ready');
}
