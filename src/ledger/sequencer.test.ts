import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attempt, launchOf, opened } from '../../test/ledger/sample-leaves.ts';
import { startPostgres, type ThrowAwayPostgres } from '../../test/servers/postgres.ts';
import { encodeSignerKey, encodeVerifierKey, signerKey } from '../evidence/note.ts';
import type { Problem } from '../evidence/problem.ts';
import { milliseconds } from '../evidence/units.ts';
import { HALF_WRITTEN } from './durable-file.ts';
import { type Leaves, openLeaves } from './leaves.ts';
import { type Sequencer, type SequencerSettings, startSequencer } from './sequencer.ts';
import { verifyLedger } from './verify.ts';

const key = signerKey('holdpoint/test/1', Buffer.alloc(32, 1));
const vkey = encodeVerifierKey(key.verifier);
let server: ThrowAwayPostgres;
let pool: pg.Pool;
let schema: string;
let directory: string;
let leaves: Leaves;
let count = 0;
const running: Sequencer[] = [];

beforeAll(async () => {
  server = await startPostgres();
  pool = new pg.Pool({ connectionString: server.url, max: 10 });
  pool.on('error', () => undefined);
});
afterAll(async () => {
  await pool.end();
  await server.stop();
});
beforeEach(async () => {
  schema = `ledger_${++count}`;
  directory = mkdtempSync(join(tmpdir(), 'holdpoint-sequencer-'));
  leaves = await openLeaves({ pool, key, schema });
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(more: Partial<SequencerSettings> = {}): Promise<Sequencer> {
  const patience = milliseconds(0);
  const one = await startSequencer({ pool, key, directory, schema, patience, quiet: milliseconds(0), ...more });
  running.push(one);
  return one;
}

const verify = (since?: string) => verifyLedger({ directory, key: vkey, ...(since === undefined ? {} : { since }) });
const published = () => readFileSync(join(directory, 'checkpoint'), 'utf8');

describe('the sequencer', () => {
  it('publishes what is there when it starts, and what is appended afterwards', async () => {
    await leaves.append(launchOf('one', 600));
    const sequencer = await start();
    expect((await sequencer.settled(600)).size).toBe(600);
    const since = published();
    await leaves.append(launchOf('two', 300));
    expect((await sequencer.settled(900)).size).toBe(900);
    expect(await verify(since)).toMatchObject({ kind: 'sound', entries: 900 });
    expect(readFileSync(join(directory, 'ledger.pub'), 'utf8')).toBe(`${vkey}\n`);
  });

  it('grows the tree leaf by leaf across a full tile, and each checkpoint goes on from the last', async () => {
    await leaves.append(launchOf('one', 250));
    const sequencer = await start();
    const checkpoints: string[] = [];
    for (let n = 0; n < 10; n++) {
      await leaves.append([opened(`more-${n}`)]);
      await sequencer.settled(251 + n);
      checkpoints.push(published());
    }
    for (const since of checkpoints) expect((await verify(since)).kind).toBe('sound');
    // The incomplete tiles of what is full now are gone.
    expect(existsSync(join(directory, 'tile/entries/000.p'))).toBe(false);
    expect(existsSync(join(directory, 'tile/0/000'))).toBe(true);
  });

  it('is one: a second is refused while the first lives, and follows it when it has gone', async () => {
    const first = await start();
    await expect(start()).rejects.toMatchObject({ problem: { kind: 'conflict' } });
    await first.stop();
    await leaves.append(launchOf('one', 3));
    await (await start()).settled(3);
  });

  it('makes damaged or missing tiles anew from the database, and does not change the published root', async () => {
    await leaves.append(launchOf('one', 700));
    await (await start()).stop();
    const since = published();
    for (const damage of [
      () => rmSync(join(directory, 'tile'), { recursive: true }),
      () => writeFileSync(join(directory, 'tile/0/002.p/188'), Buffer.alloc(32 * 188)),
    ]) {
      damage();
      await leaves.append([opened(`after-${await leaves.size()}`)]);
      const sequencer = await start();
      await sequencer.settled(await leaves.size());
      await sequencer.stop();
      expect((await verify(since)).kind).toBe('sound');
    }
  });

  it('refuses to fork: a database that holds less, or other entries, than were published', async () => {
    await leaves.append(launchOf('one', 20));
    await (await start()).stop();
    const before = published();
    schema = `ledger_${++count}`;
    leaves = await openLeaves({ pool, key, schema });
    await leaves.append(launchOf('two', 5));
    await expect(start()).rejects.toMatchObject({ problem: { kind: 'conflict' } });
    await leaves.append(attempt('two', 'B.1/x', 1, 30));
    await expect(start()).rejects.toMatchObject({ problem: { kind: 'conflict' } });
    expect(published()).toBe(before);
  });

  it('refuses a checkpoint that another key signed', async () => {
    await start().then((s) => s.stop());
    writeFileSync(join(directory, 'checkpoint'), published().replaceAll(key.verifier.name, 'holdpoint/other/1'));
    await expect(start()).rejects.toMatchObject({ problem: { kind: 'conflict' } });
  });

  it('goes on after its connection was cut, and tells of it', async () => {
    const problems: Problem[] = [];
    const sequencer = await start({ onProblem: (problem) => problems.push(problem), patience: milliseconds(2000) });
    await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()`,
    );
    await leaves.append(launchOf('one', 10));
    expect((await sequencer.settled(10)).size).toBe(10);
    expect((await verify()).kind).toBe('sound');
  });

  it('tries again while the files cannot be written, and loses nothing', async () => {
    const problems: Problem[] = [];
    const sequencer = await start({ onProblem: (problem) => problems.push(problem) });
    // A file where a directory must be is a disk that cannot be written to, for root too.
    writeFileSync(join(directory, 'tile'), '');
    await leaves.append(launchOf('one', 10));
    await expect.poll(() => problems.length, { timeout: 30_000 }).toBeGreaterThan(0);
    rmSync(join(directory, 'tile'));
    expect((await sequencer.settled(10)).size).toBe(10);
    expect((await verify()).kind).toBe('sound');
  });
});

describe('a sequencer that is killed', () => {
  const child = fileURLToPath(new URL('../../test/ledger/sequence-for-ever.ts', import.meta.url));

  it('with SIGKILL at random moments leaves a sound ledger each time, and the next goes on', async () => {
    await leaves.append(launchOf('one', 240));
    let since: string | undefined;
    for (let kill = 0; kill < 6; kill++) {
      const sequencer = spawn(process.execPath, ['--import', 'tsx', child], {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: {
          PATH: process.env.PATH,
          LEDGER_URL: server.url,
          LEDGER_SCHEMA: schema,
          LEDGER_DIRECTORY: directory,
          LEDGER_KEY: encodeSignerKey(key),
        },
      });
      await appendUntil(() => existsSync(join(directory, 'checkpoint')) && published() !== since, kill);
      const appending = leaves.append(attempt('one', `B.1/kill-${kill}`, 1, 10 + kill));
      await pause(Math.random() * 25);
      const gone = new Promise((resolve) => sequencer.once('exit', resolve));
      sequencer.kill('SIGKILL');
      await Promise.all([gone, appending]);
      expect(await verify(since)).toMatchObject({ kind: 'sound' });
      since = published();
    }
    const total = await leaves.size();
    const last = await start({ patience: milliseconds(5000) });
    expect((await last.settled(total)).size).toBe(total);
    expect(await verify(since)).toMatchObject({ kind: 'sound', entries: total });
    expect(readdirSync(directory, { recursive: true }).filter((f) => String(f).endsWith(HALF_WRITTEN))).toEqual([]);
  }, 120_000);

  /** Appends all the while, so that the sequencer is at work when it is killed. */
  async function appendUntil(holds: () => boolean, round: number): Promise<void> {
    for (let n = 0; n < 2_000; n++) {
      if (holds()) return;
      if (n < 30) await leaves.append(attempt('one', `A.1/round-${round}-${n}`, 1, 1));
      await pause(20);
    }
    throw new Error('the sequencer published nothing');
  }
});
