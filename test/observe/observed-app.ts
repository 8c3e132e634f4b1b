import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readApp } from '../../src/config/read.ts';
import { seconds, systemClock } from '../../src/evidence/units.ts';
import { localHost } from '../../src/hosts/local.ts';
import type { SelfSigned } from '../../src/probes/self-signed.ts';
import { makeWorld } from '../../src/tracks/make-world.ts';
import type { World } from '../../src/tracks/world.ts';

/** How the shop is described to whoever observes it. */
export type Described = {
  readonly url: string;
  readonly certificate: SelfSigned | undefined;
  readonly prometheus: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly allowWrites: boolean;
};

/** The folder of a team that has a URL, a Prometheus and a login that may read, and wants to know how its app does. */
export function layObservedApp(
  root: string,
  { url, certificate, prometheus, databaseUrl, allowWrites }: Described,
): string {
  const folder = mkdtempSync(join(root, 'app-'));
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'shop.js'), '// what runs over there\n');
  writeFileSync(join(folder, 'src', 'stock.js'), 'console.log(3);\n');
  if (certificate) writeFileSync(join(folder, 'shop-ca.pem'), certificate.cert);
  const secret = `${folder}-database-url`;
  if (databaseUrl) writeFileSync(secret, `${databaseUrl}\n`, { mode: 0o600 });
  const lines = [
    'name: shop',
    'runtime: none',
    'observe:',
    `  url: ${url}`,
    ...(certificate ? ['  caFile: shop-ca.pem'] : []),
    `  health: { path: /healthz, contentType: application/json, contains: '"ok"' }`,
    ...(prometheus ? [`  prometheus: ${prometheus}`] : []),
    ...(databaseUrl ? [`  database: file:${secret}`] : []),
    '  metrics:',
    '    requests: sum(rate(shop_requests_total[5s]))',
    `    errors: sum(rate(shop_requests_total{status="5xx"}[5s]))`,
    '    latencyP95: histogram_quantile(0.95, sum by (le) (rate(shop_request_seconds_bucket[5s])))',
    `  allowWrites: ${allowWrites}`,
    'tests: node src/shop.js',
    'ownChecks:',
    '  stock: { command: node src/stock.js, metric: shop.stock, unit: count, comparator: ">", threshold: 0 }',
    'smoke:',
    '  - { path: /front, contentType: text/html, contains: Shop }',
    `  - { name: an order is taken, method: POST, path: /orders, status: 201, body: '{"id":"smoke"}' }`,
    'load:',
    '  requestsPerMinute: 1200',
    '  duration: 2s',
    '  requests:',
    '    - /front',
    `    - { method: POST, path: /orders, body: '{"id":"{uuid}"}' }`,
    'window: { length: 24h, requestsPerMinute: 3000 }',
    // Where a machine is too busy to time a client, that is unknown and said: no test waits for a quiet one.
    'objectives:',
    '  A.4/window: { client-latency: { gate: warn }, client-rate: { gate: warn } }',
  ];
  writeFileSync(join(folder, 'holdpoint.yaml'), `${lines.join('\n')}\n`);
  return folder;
}

/** The world of a launch from that folder. */
export async function observedWorld(folder: string, state: string, windowSeconds = 20): Promise<World> {
  const reading = await readApp(folder);
  if (reading.kind !== 'app') throw new Error(`holdpoint.yaml: ${JSON.stringify(reading.problems)}`);
  return makeWorld({
    app: reading.app,
    state,
    host: localHost(),
    clock: systemClock,
    version: '0.0.0-observe',
    before: undefined,
    window: seconds(windowSeconds),
    purpose: 'to-launch',
  });
}
