import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readApp } from '../../src/config/read.ts';
import { withDatabase } from '../../src/environments/database-access.ts';
import { seconds, systemClock } from '../../src/evidence/units.ts';
import { localHost } from '../../src/hosts/local.ts';
import type { StepId } from '../../src/plan/step.ts';
import { ensureUser } from '../../src/server/service-user.ts';
import { makeWorld } from '../../src/tracks/make-world.ts';
import { authorityOf } from '../../src/tracks/rollout.ts';
import type { World } from '../../src/tracks/world.ts';
import { type Look, look, lookText } from '../faults/looking.ts';
import { remove, temporaryDirectory } from '../temporary-state.ts';

/** A second release whose migration fails half-way, and a third that never becomes ready, beside the first that serves. */

// A candidate has a minute to become ready, and the test waits for that minute.
vi.setConfig({ testTimeout: 150_000, hookTimeout: 120_000 });

const HTTPS = 30_244;
let root = '';
let first: World;
let number = 0;

const DESCRIPTION = `
name: late
services:
  web:
    command: node server.cjs
    health: /health
    readiness: { path: /ready, contains: ready }
database:
  migrations: { up: node migrate.cjs }
production: { httpsPort: ${HTTPS}, firstPort: 30400 }
`;

const server = (text: string, readyStatus: number): string => `
require('node:http').createServer((request, answer) => {
  if (request.url === '/ready') answer.statusCode = ${readyStatus};
  answer.end(request.url === '/ready' ? 'ready' : ${JSON.stringify(text)});
}).listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

/** Each statement commits by itself, as with many migration tools: what ran before the failure stays. */
const migrate = (...statements: readonly string[]): string => `
const { spawnSync } = require('node:child_process');
const words = ${JSON.stringify(statements)}.flatMap((statement) => ['-c', statement]);
const psql = ['--no-psqlrc', '-q', '-v', 'ON_ERROR_STOP=1', ...words];
process.exitCode = spawnSync('psql', psql, { stdio: 'inherit', env: { ...process.env, ...connection() } }).status;
function connection() {
  const url = new URL(process.env.DATABASE_URL);
  return { PGHOST: url.hostname, PGPORT: url.port, PGUSER: url.username, PGPASSWORD: url.password, PGDATABASE: url.pathname.slice(1) };
}
`;
const TABLE = 'CREATE TABLE IF NOT EXISTS stock (id int PRIMARY KEY)';
const COLUMN = 'ALTER TABLE stock ADD COLUMN IF NOT EXISTS price int';

async function release(serverText: string, migrateText: string): Promise<World> {
  const app = join(root, 'app');
  await mkdir(app, { recursive: true });
  await writeFile(join(app, 'holdpoint.yaml'), DESCRIPTION);
  await writeFile(join(app, 'server.cjs'), serverText);
  await writeFile(join(app, 'migrate.cjs'), migrateText);
  const reading = await readApp(app);
  if (reading.kind !== 'app') throw new Error(JSON.stringify(reading.problems));
  const world = await makeWorld({
    on: { runtime: 'process' },
    app: reading.app,
    state: join(root, 's'),
    host: localHost(),
    clock: systemClock,
    version: '0.0.0-hard-days',
    before: undefined,
    window: seconds(20),
    purpose: 'to-launch',
  });
  return world;
}

const run = (world: World, step: StepId): Promise<Look> =>
  look(world, step, {
    launch: 'hard-days',
    number: ++number,
    signal: AbortSignal.timeout(140_000),
    clock: systemClock,
    progress: () => undefined,
    artefact: async () => {
      throw new Error('no step here stores an artefact');
    },
  });

async function runAll(world: World, ...steps: readonly StepId[]): Promise<void> {
  for (const step of steps) expect(lookText(await run(world, step))).toBe(`${step} passed`);
}

/** What the public door answers to a client that comes with a connection of its own. */
async function served(): Promise<string> {
  const ca = await authorityOf(first.production);
  return new Promise((resolve) => {
    const request = get(`https://localhost:${HTTPS}/`, { ca, agent: false, timeout: 5_000 }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      answer.on('end', () => resolve(`${answer.statusCode} ${body}`));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error) => resolve(error.message));
  });
}

beforeAll(async () => {
  root = temporaryDirectory();
  ensureUser();
  await mkdir(join(root, 's'));
  await chmod(join(root, 's'), 0o755);
  first = await release(server('the first', 200), migrate(TABLE));
  await runAll(first, 'A.2/release', 'A.2/keys', 'A.2/certificates', 'A.2/database', 'A.2/migrate');
  await runAll(first, 'A.2/candidate', 'A.2/switch');
  expect(await served()).toBe('200 the first');
});

afterAll(async () => {
  await first?.production.runtime.destroy();
  remove(root);
});

describe('a migration that fails half-way', () => {
  it('holds with the last lines of the command, and the release that is live goes on', async () => {
    const world = await release(server('the second', 200), migrate(COLUMN, 'ALTER TABLE stok ADD COLUMN sold int'));
    await runAll(world, 'A.2/release');
    const seen = await run(world, 'A.2/migrate');
    expect(seen.outcome).toBe('problem');
    expect(seen.problem).toContain('the migration failed');
    expect(seen.problem).toContain('relation "stok" does not exist');
    expect(seen.problem).not.toContain('postgresql://');
    expect(await served()).toBe('200 the first');
  });

  it('goes on from where it stands once it is mended, with nothing lost', async () => {
    await withDatabase(first.production, 'app', (client) => client.query('INSERT INTO stock (id) VALUES (7)'));
    const world = await release(server('the second', 200), migrate(COLUMN, 'ALTER TABLE stock ADD COLUMN sold int'));
    await runAll(world, 'A.2/release', 'A.2/migrate');
    const rows = await withDatabase(first.production, 'app', (client) => client.query('SELECT * FROM stock'));
    expect(rows.rows).toEqual([{ id: 7, price: null, sold: null }]);
  });
});

describe('a release that never becomes ready', () => {
  it('gets no traffic and is stopped again, while the old one answers every request', async () => {
    const world = await release(server('the third', 503), migrate(TABLE));
    await runAll(world, 'A.2/release', 'A.2/migrate');
    const answers = new Set<string>();
    let over = false;
    const asking = (async () => {
      while (!over) {
        answers.add(await served());
        await pause(50);
      }
    })();
    const seen = await run(world, 'A.2/candidate');
    over = true;
    await asking;
    expect(seen).toMatchObject({ outcome: 'missed', missed: [{ objective: 'not-ready', kind: 'fail' }] });
    expect(seen.missed[0]?.because).toContain('503');
    expect([...answers]).toEqual(['200 the first']);
    expect((await run(world, 'A.2/switch')).outcome).not.toBe('passed');
    expect(await served()).toBe('200 the first');
    const left = (await world.production.runtime.list()).filter(({ unit }) => unit.role === 'web');
    expect(left).toHaveLength(1);
  });
});
