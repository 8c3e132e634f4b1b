import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { days, systemClock } from '../../src/evidence/units.ts';
import type { StepId } from '../../src/plan/step.ts';
import { type SelfSigned, selfSigned } from '../../src/probes/self-signed.ts';
import { findResident } from '../../src/server/start.ts';
import { planFor } from '../../src/tracks/plan-for.ts';
import { type Look, look, lookText } from '../faults/looking.ts';
import { holdpoint, type Place, STACK } from '../hard-days/command-line.ts';
import { freePort } from '../servers/postgres.ts';
import { remove, temporaryDirectory } from '../temporary-state.ts';
import { type Described, layObservedApp, observedWorld } from './observed-app.ts';
import { openShop, type Shop } from './shop.ts';
import { openShopDatabase, PASSWORD, type ShopDatabase } from './shop-database.ts';
import { openShopPrometheus, type ShopPrometheus } from './shop-prometheus.ts';

/** A shop that something else deployed, with a Prometheus and a database of its own: it is looked at, and nothing of it is changed. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const HOUR = 3_600_000;
const validFor = (from: number, to: number): SelfSigned =>
  selfSigned({ notBefore: new Date(Date.now() + from), notAfter: new Date(Date.now() + to) });
const certificate = validFor(-HOUR, days(90));

let root = '';
let shop: Shop;
let database: ShopDatabase;
let prometheus: ShopPrometheus;
let place: Place;

const described = (changes: Partial<Described> = {}): Described => ({
  url: shop.url,
  certificate,
  prometheus: prometheus.url,
  databaseUrl: database.url('reader'),
  allowWrites: false,
  ...changes,
});

beforeAll(async () => {
  root = temporaryDirectory();
  shop = await openShop(certificate);
  database = await openShopDatabase(mkdirIn(root, 'database'));
  prometheus = await openShopPrometheus(root, shop.metricsPort);
  place = { app: layObservedApp(root, described()), state: join(root, 'state') };
});

afterAll(async () => {
  await endResident();
  await prometheus?.end();
  await database?.end();
  await shop?.end();
  remove(root);
});

function mkdirIn(folder: string, name: string): string {
  mkdirSync(join(folder, name));
  return join(folder, name);
}

async function endResident(): Promise<void> {
  if (place === undefined) return;
  const pid = (await (await findResident(place.state))?.health())?.pid;
  await holdpoint(place, 'abort', '--by', 'Ada');
  await holdpoint(place, 'down', '--yes');
  if (pid === undefined) return;
  for (let i = 0; i < 300 && isThere(pid); i++) await pause(100);
  if (isThere(pid)) process.kill(pid, 'SIGTERM');
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

let number = 0;
/** One step of an app that is described otherwise, run and judged by itself. */
async function seen(step: StepId, changes: Partial<Described> = {}, windowSeconds?: number): Promise<Look> {
  const state = mkdirIn(root, `state-${++number}`);
  const world = await observedWorld(layObservedApp(root, described(changes)), state, windowSeconds);
  return look(world, step, {
    launch: 'observe',
    number,
    signal: AbortSignal.timeout(100_000),
    clock: systemClock,
    progress: () => undefined,
    artefact: async () => {
      throw new Error('no step here stores an artefact');
    },
  });
}

/** What the client's clock tells is unknown on a busy machine; everything else is told all the same. */
const CLOCKED = ['client-latency', 'client-rate'];
const missedOf = (found: Look): string[] =>
  found.missed.filter((m) => !CLOCKED.includes(m.objective)).map(({ objective, kind }) => `${objective} ${kind}`);

/** What may reach a database that is only observed. */
const READS = /^(BEGIN TRANSACTION READ ONLY|SET LOCAL statement_timeout = \d+|SELECT\b[\s\S]*|ROLLBACK)$/;
const WRITES =
  /\b(INSERT INTO|UPDATE .* SET|DELETE FROM|CREATE (TABLE|ROLE|SCHEMA)|DROP|ALTER|GRANT|nextval|FOR UPDATE|pg_terminate|set_config)\b/;

describe('a launch of an app that something else deployed', () => {
  it('is planned with every step of the ordinary plan, most of which do not apply', async () => {
    const { status, out } = await holdpoint(place, 'plan');
    expect(status).toBe(0);
    expect(out).toContain('something else deploys the app: it is only observed');
    const world = await observedWorld(place.app, mkdirIn(root, 'state-of-the-plan'));
    const applying = planFor(world)
      .steps.filter((s) => s.applies.kind === 'applies')
      .map((s) => s.id);
    expect(applying.sort()).toEqual([
      'A.1/check-stock',
      'A.1/database',
      'A.1/headers',
      'A.1/health',
      'A.1/secrets',
      'A.1/tls',
      'A.2/smoke',
      'A.3/watched',
      'A.4/window',
      'C.1/tests',
    ]);
    expect(shop.requests).toEqual([]);
  });

  it('comes to its end, with a measurement behind every tick', async () => {
    const { status, out, err } = await holdpoint(place, 'launch', '--window', '20s', '--yes');
    expect(`${out}${err}`).not.toMatch(STACK);
    expect({ status, out, err }).toMatchObject({ status: 0 });
    const client = await findResident(place.state);
    const [launch] = (await client?.launches()) ?? [];
    const view = await client?.view(launch?.launch ?? '');
    const stands = Object.fromEntries(
      (view?.steps ?? []).filter((s) => s.state !== 'not-applicable').map((s) => [s.id, s.state]),
    );
    expect(stands).toEqual({
      'A.1/check-stock': 'passed',
      'A.1/database': 'passed',
      'A.1/headers': 'passed',
      'A.1/health': 'passed',
      'A.1/secrets': 'passed',
      'A.1/tls': 'passed',
      // The order among its smoke requests would write, so it was not sent, and that is said.
      'A.2/smoke': 'warned',
      'A.3/watched': 'passed',
      'A.4/window': expect.stringMatching(/^(passed|warned)$/),
      'C.1/tests': 'passed',
    });
  });

  it('sent GET and HEAD alone, by name, and no order was taken', () => {
    expect(shop.requests.length).toBeGreaterThan(200);
    expect(shop.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    expect(shop.requests.filter(({ agent }) => !agent.startsWith('holdpoint'))).toEqual([]);
    expect(shop.orders).toEqual([]);
  });

  it('asked its Prometheus by GET alone', () => {
    expect(prometheus.requests.length).toBeGreaterThan(5);
    expect(prometheus.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  it('read in the database, in a read-only transaction, and nothing else', () => {
    const statements = database.statements('reader');
    expect(statements.length).toBeGreaterThan(4);
    expect(statements[0]).toBe('BEGIN TRANSACTION READ ONLY');
    expect(statements.filter((s) => !READS.test(s) || WRITES.test(s))).toEqual([]);
  });

  it('would have been seen to write: what that role sends is written down, and told from a read', async () => {
    const client = new pg.Client({ connectionString: database.url('reader') });
    await client.connect();
    await expect(client.query('INSERT INTO shop.orders VALUES (1)')).rejects.toThrow('permission denied');
    await client.end();
    expect(database.statements('reader').filter((s) => !READS.test(s))).toEqual(['INSERT INTO shop.orders VALUES (1)']);
  });

  it('opened no environment: nothing of one is there but the login, which is kept as a secret', () => {
    expect(readdirSync(join(place.state, 'environments'))).toEqual(['shop-production']);
    expect(readdirSync(join(place.state, 'environments', 'shop-production'))).toEqual(['handed-over']);
  });

  it('wrote documents that say who deploys, what was measured, and nothing of the password', () => {
    const folder = join(place.app, 'launch');
    const text = (name: string) => readFileSync(join(folder, name), 'utf8');
    expect(text('PRODUCTION_DEPLOYMENT_PROCEDURES.md')).toContain('shop is deployed by something else');
    expect(text('PREFLIGHT_PRODUCTION.md')).toContain('unknown: something else deploys the app');
    expect(text('PREFLIGHT_PRODUCTION.md')).toMatch(/\[x\] pass.*database\.unreachable/);
    expect(text('Production_SLA.md')).toMatch(/error rate \|.*\[entry \d+\].*\[x\] pass \| `A.4\/window`/);
    expect(text('Post_Deployment_Validation_Report.md')).toMatch(/shortened: go-live is provisional/);
    for (const name of readdirSync(folder)) expect(text(name), name).not.toContain(PASSWORD);
  });

  it('is no evidence for the next launch: what stands there meanwhile nobody tells', async () => {
    const before = shop.requests.length;
    const launched = await holdpoint(place, 'launch', '--window', '20s', '--yes', '--detach');
    expect(launched.status).toBe(0);
    for (let i = 0; i < 100 && !shop.requests.slice(before).some((r) => r.path === '/shop/healthz'); i++)
      await pause(100);
    expect(shop.requests.slice(before).some((r) => r.path === '/shop/healthz')).toBe(true);
    await holdpoint(place, 'abort', '--by', 'Ada');
  });

  it('refuses to be told where to deploy', async () => {
    const { status, err } = await holdpoint(place, 'launch', '--runtime', 'process', '--yes');
    expect({ status, err }).toMatchObject({ status: 2, err: expect.stringContaining('is only observed') });
  });

  it('is not destroyed, and ending it ends nothing but the resident process', async () => {
    const destroyed = await holdpoint(place, 'destroy', 'production', '--yes-destroy', 'production');
    expect(destroyed).toMatchObject({ status: 2, err: expect.stringContaining('is only observed') });
    const down = await holdpoint(place, 'down', '--yes');
    expect(down).toMatchObject({ status: 0, out: expect.stringContaining('nothing was stopped') });
  });
});

describe('what is wrong over there is found', () => {
  it('an app that says it is unwell', async () => {
    shop.tell({ unwell: true });
    const found = await seen('A.1/health');
    shop.tell({});
    expect(found).toMatchObject({ outcome: 'missed', missed: [{ objective: 'failing', kind: 'fail' }] });
    expect(found.missed[0]?.because).toContain('503');
  });

  it('pages without their headers', async () => {
    shop.tell({ unguarded: true });
    const found = await seen('A.1/headers');
    shop.tell({});
    expect(found).toMatchObject({ outcome: 'missed' });
    expect(found.missed.map((m) => m.objective)).toContain('missing');
  });

  it('a slow app, by the client and by its own histogram', async () => {
    shop.tell({ delayMs: 300 });
    await pause(6_000);
    const found = await seen('A.4/window');
    shop.tell({});
    expect(found.outcome).toBe('missed');
    expect(missedOf(found)).toEqual(['latency-p95 fail']);
    expect(found.missed.map((m) => m.objective)).toContain('client-latency');
  });

  it('an app that fails, by the client and by its own count', async () => {
    shop.tell({ failing: true });
    const found = await seen('A.4/window');
    shop.tell({});
    expect(missedOf(found)).toEqual(['client-errors fail', 'error-rate fail']);
  });

  it('a certificate that has expired', async () => {
    const old = validFor(-48 * HOUR, -HOUR);
    const other = await openShop(old);
    try {
      const found = await seen('A.1/tls', { url: other.url, certificate: old });
      expect(found.outcome).toBe('missed');
      expect(found.missed.find((m) => m.objective === 'certificate')).toMatchObject({ kind: 'fail' });
      expect(lookText(found)).toContain('expired');
      expect(other.requests).toEqual([]);
    } finally {
      await other.end();
    }
  });

  it('plain http: there is no TLS to look at, and that it is plain is a warning', async () => {
    const other = await openShop(undefined);
    try {
      const changes = { url: other.url, certificate: undefined };
      expect(await seen('A.1/tls', changes)).toMatchObject({ outcome: 'not applicable' });
      expect(await seen('A.1/headers', changes)).toMatchObject({
        outcome: 'warned',
        missed: [{ objective: 'unencrypted', kind: 'fail' }],
      });
    } finally {
      await other.end();
    }
  });

  it('a Prometheus that is not there leaves unknown what it would tell, never passed', async () => {
    const absent = { prometheus: `http://127.0.0.1:${await freePort()}` };
    const watched = await seen('A.3/watched', absent);
    expect(watched.outcome).toBe('missed');
    expect(watched.missed.map((m) => m.kind)).toEqual(['unknown', 'unknown', 'unknown']);
    const window = await seen('A.4/window', absent);
    expect(window.outcome).toBe('missed');
    expect(missedOf(window).sort()).toEqual([
      'coverage unknown',
      'coverage unknown',
      'error-rate unknown',
      'latency-p95 unknown',
      'request-rate unknown',
    ]);
  });

  it('without any Prometheus the client alone tells', async () => {
    const without = { prometheus: undefined };
    expect(await seen('A.3/watched', without)).toMatchObject({ outcome: 'not applicable' });
    const window = await seen('A.4/window', without);
    expect({ outcome: window.outcome, missed: missedOf(window) }).toEqual({
      outcome: expect.stringMatching(/^(passed|warned)$/),
      missed: [],
    });
  });

  it('a window too short for how far the queries look back is unknown, not good', async () => {
    const found = await seen('A.4/window', {}, 2);
    expect(found.missed.find((m) => m.objective === 'error-rate')).toMatchObject({ kind: 'unknown' });
    expect(lookText(found)).toContain('looks back');
  });

  it('a database that is not there, and one that does not let us in', async () => {
    const nobody = `postgresql://reader@127.0.0.1:${await freePort()}/postgres`;
    expect(await seen('A.1/database', { databaseUrl: nobody })).toMatchObject({
      outcome: 'missed',
      missed: expect.arrayContaining([expect.objectContaining({ objective: 'unreachable', kind: 'fail' })]),
    });
    const stranger = database.url('reader').replace('reader:', 'stranger:');
    const refused = await seen('A.1/database', { databaseUrl: stranger });
    expect(refused.missed.find((m) => m.objective === 'unreachable')).toMatchObject({ kind: 'unknown' });
    expect(lookText(refused)).not.toContain(PASSWORD);
  });

  it('a role that could write is a warning, and it is not tried', async () => {
    const found = await seen('A.1/database', { databaseUrl: database.url('owner') });
    expect(found).toMatchObject({ outcome: 'warned', missed: [{ objective: 'role', kind: 'fail' }] });
    expect(found.missed[0]?.because).toContain('could change 1 of 1 tables');
    expect(database.statements('owner').filter((s) => !READS.test(s) || WRITES.test(s))).toEqual([]);
  });
});

describe('where the team allows writes', () => {
  it('the declared writes are sent, and the declared load', async () => {
    const allowed = { allowWrites: true };
    shop.orders.length = 0;
    expect(lookText(await seen('A.2/smoke', allowed))).toBe('A.2/smoke passed');
    expect(shop.orders).toEqual(['{"id":"smoke"}']);
    const load = await seen('A.1/latency', allowed);
    expect(load.outcome).not.toBe('not applicable');
    expect(new Set(shop.orders).size).toBeGreaterThan(50);
  });

  it('without that word the load is not sent at all', async () => {
    const before = shop.requests.length;
    const found = await seen('A.1/latency');
    expect(found).toMatchObject({ outcome: 'not applicable', problem: expect.stringContaining('allowWrites') });
    expect(shop.requests.length).toBe(before);
  });
});
