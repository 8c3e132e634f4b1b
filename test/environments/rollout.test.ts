import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { authorityFile } from '../../src/environments/certificates.ts';
import { bringUpDatabase, POSTGRES } from '../../src/environments/database.ts';
import { withDatabase } from '../../src/environments/database-access.ts';
import type { Environment } from '../../src/environments/environment.ts';
import { aim, epochFor } from '../../src/environments/epoch.ts';
import { publicTarget } from '../../src/environments/expectation.ts';
import { readRecord } from '../../src/environments/record.ts';
import { volumeStore } from '../../src/environments/service-units.ts';
import { replaceAgents, startSlot } from '../../src/environments/services.ts';
import { systemClock } from '../../src/evidence/units.ts';
import { observe } from '../../src/probes/http.ts';
import type { LoadResult } from '../../src/probes/load/result.ts';
import { runLoad } from '../../src/probes/load/run.ts';
import type { Release } from '../../src/releases/release.ts';
import { bringUpCandidate, retireOld, rollOut, switchToCandidate } from '../../src/tracks/rollout.ts';
import { type Standing, standing } from './standing.ts';
import { closedFile, SWITCHES, TABLES } from './tiny-app.ts';

/** Rollouts of a tiny app in one standing environment: real Caddy, real Postgres, real load. */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const never = new AbortController().signal;
let stand: Standing;
let environment: Environment;
let first: Release;
let second: Release;

beforeAll(async () => {
  stand = await standing();
  const app = stand.app();
  environment = await stand.open(app);
  await bringUpDatabase(environment, never);
  await withDatabase(environment, 'app', (client) => client.query(TABLES));
  first = await stand.release('first', app);
  second = await stand.release('second', app);
  await aim(environment, first.source, 0);
  await rollOut(environment, first, never, systemClock);
});
afterAll(async () => {
  await stand?.end();
});

/** What the public door answers to a client that comes anew. */
async function served(door: 'public' | 'preview' = 'public'): Promise<string> {
  const target = await publicTarget(environment, door);
  const { exchange } = await observe(target, { method: 'GET', path: '/', headers: {} });
  return exchange.end === 'answered' ? `${exchange.status} ${exchange.body}` : exchange.end;
}

/** Strict keep-alive clients at 200 requests a second while something is done; the load must outlast it. */
async function underLoad(work: () => Promise<void>, seconds = 10): Promise<LoadResult> {
  let over = false;
  const load = runLoad({
    baseUrl: `https://127.0.0.1:${environment.ports.https}`,
    requests: [{ name: 'page', weight: 1, method: 'GET', path: '/' }],
    ratePerSecond: 200,
    durationMs: seconds * 1_000,
    warmUpMs: 1_000,
    connections: 100,
    timeoutMs: 10_000,
    caFile: authorityFile(environment),
  }).finally(() => {
    over = true;
  });
  await sleep(2_000);
  await work();
  expect(over, 'the load was over before the work was').toBe(false);
  const outcome = await load;
  if (outcome.kind === 'not run') throw new Error(outcome.reason);
  return outcome.result;
}

const failures = ({ warmUp, measured }: LoadResult) => ({
  failed: warmUp.failed + measured.failed,
  unclear: warmUp.unclear + measured.unclear,
  statuses: Object.keys({ ...warmUp.byStatus, ...measured.byStatus }),
});
const NONE = { failed: 0, unclear: 0, statuses: ['200'] };

const instancesOf = async (slot: 'blue' | 'green') =>
  (await environment.runtime.list()).filter(({ unit }) => unit.slot === slot).map(({ unit }) => unit.name);

describe('a second release, under load', () => {
  it('goes from blue to green and back with not one failed request', async () => {
    expect(await served()).toContain('200 first');
    const result = await underLoad(async () => {
      for (const [release, slot] of [
        [second, 'green'],
        [first, 'blue'],
      ] as const) {
        const candidate = await bringUpCandidate(environment, release, never, systemClock);
        expect(candidate).toMatchObject({ slot, already: 'no' });
        expect(candidate.gates.map((gate) => gate.kind)).toEqual(['ready', 'ready']);
        expect(await switchToCandidate(environment, release, systemClock)).toMatchObject({
          kind: 'made',
          live: { slot },
        });
        expect(await served()).toContain(release === first ? '200 first' : '200 second');
        const stopped = await retireOld(environment);
        expect(stopped.map((unit) => unit.how)).toEqual(['stopped', 'stopped']);
      }
    }, 14);
    expect(failures(result)).toEqual(NONE);
    expect(result.measured.answered).toBe(14 * 200);
    expect(await instancesOf('green')).toEqual([]);
  });

  it('is looked at through the second door before anybody is sent to it, and a switch is done once', async () => {
    await bringUpCandidate(environment, second, never, systemClock);
    expect(await served('preview')).toContain('200 second');
    expect(await served()).toContain('200 first');
    const made = await switchToCandidate(environment, second, systemClock);
    expect(made).toMatchObject({ kind: 'made', live: { slot: 'green', from: 'blue' } });
    expect(await switchToCandidate(environment, second, systemClock)).toEqual({ ...made, kind: 'was-made' });
    expect(await served()).toContain('200 second');
    expect((await readRecord(environment)).live).toMatchObject({ slot: 'green', release: second.digest });
    await retireOld(environment);
    expect(await bringUpCandidate(environment, second, never, systemClock)).toMatchObject({
      slot: 'green',
      already: 'live',
    });
  });

  it('comes up beside itself where it begins anew, for people are still served by it', async () => {
    const { epoch, target } = await readRecord(environment);
    if (target === undefined) throw new Error('nothing was aimed at');
    await aim(environment, target, epoch + 1);
    expect(await bringUpCandidate(environment, second, never, systemClock)).toMatchObject({
      slot: 'blue',
      already: 'no',
    });
    expect(await instancesOf('green')).not.toEqual([]);
    expect(await switchToCandidate(environment, second, systemClock)).toMatchObject({
      kind: 'made',
      live: { slot: 'blue', from: 'green', epoch: epoch + 1 },
    });
    await retireOld(environment);
    // Back to where the next ones begin.
    await aim(environment, target, epoch + 2);
    await rollOut(environment, second, never, systemClock);
    expect((await readRecord(environment)).live).toMatchObject({ slot: 'green' });
  });
});

describe('a release that exits at once when it is told to stop', () => {
  it('is told only when nothing is on its way to it any more', async () => {
    const abrupt = await stand.release('abrupt', environment.app);
    await rollOut(environment, abrupt, never, systemClock);
    expect(await served()).toContain('200 abrupt');
    const result = await underLoad(async () => {
      await rollOut(environment, second, never, systemClock);
    });
    expect(await served()).toContain('200 second');
    expect(failures(result)).toEqual(NONE);
  });
});

describe('a release that does not become ready', () => {
  it('gets no traffic and is stopped again, while the old one answers every request', async () => {
    const third = await stand.release('third', environment.app);
    const store = volumeStore('web', SWITCHES);
    await environment.runtime.put([{ store, path: closedFile('third'), content: '', mode: 0o644, user: 'app' }]);
    const result = await underLoad(async () => {
      const candidate = await bringUpCandidate(environment, third, AbortSignal.timeout(3_000), systemClock);
      expect(candidate.gates).toMatchObject([{ kind: 'not-ready', unit: 'web-blue-1' }]);
      expect(await switchToCandidate(environment, third, systemClock)).toMatchObject({ kind: 'no-candidate' });
    });
    expect(failures(result)).toEqual(NONE);
    expect(await served()).toContain('200 second');
    expect(await instancesOf('blue')).toEqual([]);
    expect((await readRecord(environment)).live?.release).toBe(second.digest);
  });

  it('goes live once it is ready', async () => {
    const third = await stand.release('third', environment.app);
    await environment.runtime.erase(volumeStore('web', SWITCHES), closedFile('third'));
    await rollOut(environment, third, never, systemClock);
    expect(await served()).toContain('200 third');
  });
});

describe('agents', () => {
  /** Hands out jobs, 50 a second, while something is done; then waits until no agent has any left to take. */
  async function whileJobsCome(work: () => Promise<void>) {
    return withDatabase(environment, 'app', async (client) => {
      await client.query('TRUNCATE jobs, done RESTART IDENTITY');
      let working = true;
      const worked = work().finally(() => {
        working = false;
      });
      while (working) {
        await client.query('INSERT INTO jobs SELECT FROM generate_series(1, 5)');
        await sleep(100);
      }
      await worked;
      const count = async (text: string) => Number((await client.query<{ n: string }>(text)).rows[0]?.n);
      for (let tries = 0; (await count("SELECT count(*) AS n FROM jobs WHERE state = 'waiting'")) > 0; tries++) {
        if (tries > 200) throw new Error('the agents do not come to an end');
        await sleep(50);
      }
      await sleep(500);
      return {
        jobs: await count('SELECT count(*) AS n FROM jobs'),
        lost: await count('SELECT count(*) AS n FROM jobs WHERE id NOT IN (SELECT job FROM done)'),
        twice: await count('SELECT count(*) AS n FROM (SELECT job FROM done GROUP BY job HAVING count(*) > 1) AS d'),
        releases: (await client.query<{ release: string }>('SELECT DISTINCT release FROM done ORDER BY 1')).rows.map(
          (row) => row.release,
        ),
      };
    });
  }

  it('are replaced with no job lost and none done twice', async () => {
    const seen = await whileJobsCome(async () => {
      await sleep(1_000);
      const gates = await replaceAgents(environment, second, never);
      expect(gates.map((gate) => gate.kind)).toEqual(['ready', 'ready']);
      await sleep(1_000);
    });
    expect(seen).toMatchObject({ lost: 0, twice: 0, releases: ['second', 'third'] });
    expect(seen.jobs).toBeGreaterThan(100);
  });

  it('that are killed instead lose what they had in hand, so the count above can find a loss', async () => {
    const seen = await whileJobsCome(async () => {
      await sleep(1_000);
      for (const unit of ['agent-1', 'agent-2']) await environment.runtime.crash(unit);
      await sleep(1_000);
    });
    expect(seen.lost).toBeGreaterThan(0);
    expect(seen.lost).toBeLessThanOrEqual(8);
  });
});

describe('a release with other instances', () => {
  it('is reached at all of them, and what it has no more is stopped', async () => {
    const app = stand.app({ web: 3, agent: 1 });
    environment = await stand.open(app);
    const before = await environment.runtime.inspect('caddy');
    await rollOut(environment, await stand.release('wider', app), never, systemClock);
    const answers = new Set<string>();
    for (let i = 0; i < 12; i++) answers.add(await served());
    const slot = (await readRecord(environment)).live?.slot;
    const ports = [0, 1, 2].map((i) => environment.ports.service('web', slot, i));
    expect([...answers].sort()).toEqual(ports.map((port) => `200 wider on ${port}`));
    expect(await environment.runtime.inspect('agent-2')).toEqual({ kind: 'absent' });
    expect(await environment.runtime.inspect('caddy')).toEqual(before);
  });

  it('is refused where what is live would lose its ports to it, and the live release goes on', async () => {
    // With five instances a slot's block of ports grows, and green begins where it did not before.
    const app = stand.app({ web: 5, agent: 1 });
    if ((await readRecord(environment)).live?.slot === 'blue')
      await rollOut(environment, await stand.release('wider still', environment.app), never, systemClock);
    const wide = await stand.open(app);
    const release = await stand.release('too-wide', app);
    await expect(bringUpCandidate(wide, release, never, systemClock)).rejects.toMatchObject({
      problem: { kind: 'conflict', what: expect.stringContaining('which would now belong to') },
    });
    // Without that look the old instance would answer for the new one, and its gate would believe it.
    await expect(startSlot(wide, release, 'blue', never)).rejects.toMatchObject({
      problem: {
        kind: 'conflict',
        what: expect.stringMatching(/^web-green-1, which runs, has the port \d+ that web-blue-5 needs$/),
      },
    });
    expect(await served()).toContain('200 wide');
  });
});

describe('the database', () => {
  it('is brought up a second time without harm', async () => {
    const before = await environment.runtime.inspect(POSTGRES);
    await bringUpDatabase(environment, never);
    expect(await environment.runtime.inspect(POSTGRES)).toEqual(before);
    const rows = await withDatabase(environment, 'app', (client) => client.query('SELECT count(*) FROM jobs'));
    expect(Number(rows.rows[0].count)).toBeGreaterThan(0);
  });

  it('has checksums, passwords as SCRAM verifiers, and roles that may do no more than they need', async () => {
    const seen = await withDatabase(environment, 'superuser', async (client) => {
      const roles = await client.query(
        `SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolpassword LIKE 'SCRAM-SHA-256$%' AS scram
         FROM pg_authid WHERE rolcanlogin ORDER BY 1`,
      );
      const checksums = await client.query('SHOW data_checksums');
      return { checksums: checksums.rows[0].data_checksums, roles: roles.rows };
    });
    const plain = { rolsuper: false, rolcreatedb: false, rolcreaterole: false, scram: true };
    expect(seen.checksums).toBe('on');
    expect(seen.roles).toEqual([
      { rolname: 'app', ...plain },
      { rolname: 'monitoring', ...plain },
      { rolname: 'postgres', rolsuper: true, rolcreatedb: true, rolcreaterole: true, scram: true },
    ]);
    const reads = withDatabase(environment, 'monitoring', (client) => client.query('SELECT * FROM jobs'));
    await expect(reads).rejects.toMatchObject({ code: '42501' });
  });
});

describe('the epoch of what runs', () => {
  it('goes on while everything runs, and ends when something is gone', async () => {
    const { target, epoch } = await readRecord(environment);
    if (target === undefined) throw new Error('nothing was aimed at');
    expect(await epochFor(environment, target, 'running')).toBe(epoch);
    await environment.runtime.stop('agent-1');
    expect(await epochFor(environment, target, 'running')).toBe(epoch + 1);
    expect(await epochFor(environment, target, 'recorded')).toBe(epoch);
  });
});
