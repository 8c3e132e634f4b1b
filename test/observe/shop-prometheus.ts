import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { queryInstant } from '../../src/probes/promql.ts';
import { freePort } from '../servers/postgres.ts';

/** A real Prometheus that scrapes the shop, behind a door that writes down what comes through it. */
export type ShopPrometheus = {
  /** Of the door. */
  readonly url: string;
  readonly requests: { readonly method: string; readonly path: string }[];
  end(): Promise<void>;
};

export async function openShopPrometheus(directory: string, metricsPort: number): Promise<ShopPrometheus> {
  const folder = join(directory, 'prometheus');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - { job_name: shop, static_configs: [{ targets: ['127.0.0.1:${metricsPort}'] }] }
`,
  );
  const port = await freePort();
  const server = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  process.once('exit', () => server.kill('SIGKILL'));
  const requests: { method: string; path: string }[] = [];
  const door = createServer((incoming, answer) => {
    const { method = '', url: path = '', headers } = incoming;
    requests.push({ method, path });
    const onward = forward({ host: '127.0.0.1', port, method, path, headers }, (from) => {
      answer.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const target = { baseUrl: `http://127.0.0.1:${port}`, timeoutMs: 2_000 };
  for (let tries = 0; tries < 200; tries++) {
    const seen = await queryInstant(target, 'up == 1');
    if (seen.kind === 'series') break;
    await pause(100);
  }
  return {
    url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
    requests,
    end: async () => {
      door.closeAllConnections();
      await new Promise((resolve) => door.close(resolve));
      if (server.exitCode === null && server.signalCode === null) {
        const ended = new Promise((resolve) => server.once('exit', resolve));
        server.kill('SIGTERM');
        await ended;
      }
    },
  };
}
