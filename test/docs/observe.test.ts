import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { days } from '../../src/evidence/units.ts';
import { selfSigned } from '../../src/probes/self-signed.ts';
import { findResident } from '../../src/server/start.ts';
import { holdpoint, type Place, STACK } from '../hard-days/command-line.ts';
import { openShop, type Shop } from '../observe/shop.ts';
import { openShopDatabase, type ShopDatabase } from '../observe/shop-database.ts';
import { openShopPrometheus, type ShopPrometheus } from '../observe/shop-prometheus.ts';
import { remove, temporaryDirectory } from '../temporary-state.ts';

/** docs/observe.md, followed to the letter against a shop that something else deployed; only its window is shorter. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const page = readFileSync(fileURLToPath(new URL('../../docs/observe.md', import.meta.url)), 'utf8');
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text ?? '');
const commands = blocks('sh').flatMap((block) => block.trim().split('\n'));

let root = '';
let shop: Shop;
let database: ShopDatabase;
let prometheus: ShopPrometheus;
let place: Place;

beforeAll(async () => {
  root = temporaryDirectory();
  const certificate = selfSigned({
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + days(90)),
  });
  shop = await openShop(certificate);
  mkdirSync(join(root, 'database'));
  database = await openShopDatabase(join(root, 'database'));
  prometheus = await openShopPrometheus(root, shop.metricsPort);
  place = { app: join(root, 'app'), state: join(root, 'state') };
  mkdirSync(place.app);
  const secret = join(root, 'shop-database-url');
  writeFileSync(secret, `postgresql://holdpoint_observer@127.0.0.1:${database.server.port}/postgres`, { mode: 0o600 });
  writeFileSync(join(place.app, 'ca.pem'), certificate.cert);
  const [described = ''] = blocks('yaml');
  const here = described
    .replace('https://shop.example.com', `${shop.url}\n  caFile: ca.pem`)
    .replace('https://prometheus.example.com', prometheus.url)
    .replace('/run/secrets/shop-database-url', secret)
    .replaceAll('[1m]', '[5s]');
  writeFileSync(join(place.app, 'holdpoint.yaml'), here.replace('requestsPerMinute: 600', 'requestsPerMinute: 3000'));
});

afterAll(async () => {
  const pid = place && (await (await findResident(place.state))?.health())?.pid;
  if (pid !== undefined) process.kill(pid, 'SIGTERM');
  for (let i = 0; i < 300 && place && (await findResident(place.state)) !== undefined; i++) await pause(100);
  await prometheus?.end();
  await database?.end();
  await shop?.end();
  remove(root);
});

describe('docs/observe.md', () => {
  it('names every key of `observe`', () => {
    const schema: unknown = JSON.parse(
      readFileSync(fileURLToPath(new URL('../../schema/holdpoint.schema.json', import.meta.url)), 'utf8'),
    );
    const keys = Object.keys(at(schema, 'properties', 'observe', 'properties'));
    expect(keys.length).toBeGreaterThan(4);
    const [, table = ''] = page.split('## Keys of `observe`');
    expect(keys.filter((key) => !table.includes(`| \`${key}\` |`))).toEqual([]);
  });

  it.each(commands)('%s', async (command) => {
    if (command.startsWith('psql ')) {
      const environment = { ...process.env, ADMIN_URL: database.server.url };
      expect(execFileSync('sh', ['-c', command], { env: environment, encoding: 'utf8' })).toContain('CREATE ROLE');
      return;
    }
    const [program, ...words] = command.replace('--window 3m', '--window 20s').split(' ');
    expect(program).toBe('holdpoint');
    const { status, out, err } = await holdpoint(place, ...words);
    expect(`${out}${err}`).not.toMatch(STACK);
    // A client cannot be timed on a machine that does other work, which is then said.
    const busy = status !== 0 && out.includes('the machine was disturbed');
    if (!busy || words[0] === 'down') expect({ command, status, out, err }).toMatchObject({ status: 0 });
    if (words[0] === 'launch' && busy) await holdpoint(place, 'abort', '--by', 'Ada');
  });

  it('changed nothing over there', () => {
    expect(shop.requests.length).toBeGreaterThan(500);
    expect(shop.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(prometheus.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(shop.orders).toEqual([]);
  });
});

function at(value: unknown, ...path: readonly string[]): object {
  const [first, ...more] = path;
  if (typeof value !== 'object' || value === null) throw new Error(`nothing at ${path.join('.')}`);
  return first === undefined ? value : at(Reflect.get(value, first), ...more);
}
