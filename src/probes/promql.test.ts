import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coverage, queryInstant, queryRange } from './promql.ts';

// Debian's packages; `holdpoint launch` installs them too.
const hasPrometheus = ['prometheus', 'promtool'].every(
  (binary) => spawnSync(binary, ['--version']).error === undefined,
);

// An hour of one series each 15 s, with a gap from 20 to 30 minutes, long ago: nothing here waits for time to pass.
const START_S = 1_700_000_000;
const history = () => {
  const lines = ['# TYPE stock gauge'];
  for (let t = 0; t <= 3_600; t += 15) if (t < 1_200 || t >= 1_800) lines.push(`stock{shelf="a"} ${t} ${START_S + t}`);
  return `${lines.join('\n')}\n# EOF\n`;
};

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.skipIf(!hasPrometheus)('a query to a real Prometheus', () => {
  let directory: string;
  let prometheus: ChildProcess;
  let target: { baseUrl: string; timeoutMs: number };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdpoint-promql-'));
    await writeFile(join(directory, 'history.txt'), history());
    await writeFile(join(directory, 'prometheus.yml'), 'scrape_configs: []\n');
    const data = join(directory, 'data');
    const made = spawnSync('promtool', [
      'tsdb',
      'create-blocks-from',
      'openmetrics',
      join(directory, 'history.txt'),
      data,
    ]);
    if (made.status !== 0) throw new Error(made.stderr.toString());
    const port = await freePort();
    const parameters = [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${data}`,
      '--storage.tsdb.retention.time=100y',
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.external-url=http://127.0.0.1/metrics-of-shop',
    ];
    prometheus = spawn('prometheus', parameters, { stdio: 'ignore' });
    target = { baseUrl: `http://127.0.0.1:${port}/metrics-of-shop`, timeoutMs: 5_000 };
    for (;;) {
      if (prometheus.exitCode !== null) throw new Error(`prometheus ended with ${prometheus.exitCode}`);
      if ((await queryInstant(target, 'vector(1)')).kind === 'series') break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
  afterAll(async () => {
    if (prometheus.exitCode === null) {
      const ended = new Promise((resolve) => prometheus.once('exit', resolve));
      prometheus.kill();
      await ended;
    }
    await rm(directory, { recursive: true });
  });

  it('gives series with labels and values, at a moment', async () => {
    expect(await queryInstant(target, 'stock', START_S + 60)).toEqual({
      kind: 'series',
      series: [{ labels: { __name__: 'stock', shelf: 'a' }, samples: [{ timeS: START_S + 60, value: 60 }] }],
      warnings: [],
    });
    expect(await queryInstant(target, 'scalar(vector(1)) / 0')).toMatchObject({
      series: [{ samples: [{ value: Number.POSITIVE_INFINITY }] }],
    });
  });

  it('says of a series that is not there that it is absent, and of a wrong query that it is an error', async () => {
    expect((await queryInstant(target, 'no_such_series')).kind).toBe('absent');
    expect(await queryInstant(target, 'sum(')).toMatchObject({
      kind: 'error',
      reason: expect.stringContaining('bad_data'),
    });
  });

  it('over a range shows the gap, when it does not look back', async () => {
    const range = { startS: START_S, endS: START_S + 3_600, stepS: 60 };
    const result = await queryRange(target, 'last_over_time(stock[30s])', range);
    if (result.kind !== 'series') throw new Error(result.kind);
    // The last sample before the gap is that of 1,185 s: 1,200 s still sees it.
    expect(coverage(result.series[0]?.samples ?? [], range)).toEqual({
      expected: 61,
      present: 52,
      covered: [
        { fromS: START_S, toS: START_S + 1_200 },
        { fromS: START_S + 1_800, toS: START_S + 3_600 },
      ],
      gaps: [{ fromS: START_S + 1_260, toS: START_S + 1_740 }],
    });
  });
});

describe('a query that nobody answers as Prometheus would', () => {
  it('is an error: nobody there, another server, too large an answer', async () => {
    const nobody = await queryInstant({ baseUrl: `http://127.0.0.1:${await freePort()}`, timeoutMs: 2_000 }, 'up');
    expect(nobody).toMatchObject({ kind: 'error', reason: expect.stringContaining('connection refused') });
    const server = createServer((_request, response) => response.end('<html>welcome</html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await queryInstant({ baseUrl, timeoutMs: 2_000 }, 'up')).toMatchObject({ kind: 'error' });
    const cut = await queryInstant({ baseUrl, timeoutMs: 2_000, bodyLimit: 4 }, 'up');
    expect(cut).toMatchObject({ kind: 'error', reason: expect.stringContaining('20 bytes') });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('coverage', () => {
  const range = { startS: 0, endS: 4, stepS: 1 };

  it('of nothing is one gap over the whole range', () => {
    expect(coverage([], range)).toEqual({ expected: 5, present: 0, covered: [], gaps: [{ fromS: 0, toS: 4 }] });
  });

  it('counts NaN as nothing seen', () => {
    const samples = [0, 1, 2, 3, 4].map((timeS) => ({ timeS, value: timeS === 4 ? Number.NaN : 1 }));
    expect(coverage(samples, range)).toMatchObject({
      present: 4,
      covered: [{ fromS: 0, toS: 3 }],
      gaps: [{ fromS: 4, toS: 4 }],
    });
  });
});
