import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchOf, measured, opened } from '../../test/ledger/sample-leaves.ts';
import { startPostgres, type ThrowAwayPostgres } from '../../test/servers/postgres.ts';
import type { Problem } from '../evidence/problem.ts';
import { bytes, days, systemClock } from '../evidence/units.ts';
import { exportLedger } from './export.ts';
import { ledgerDirectory, openLedger } from './ledger.ts';
import { showEntry } from './show.ts';
import { verifyLedger } from './verify.ts';

let server: ThrowAwayPostgres;
let pool: pg.Pool;
let root: string;
beforeAll(async () => {
  server = await startPostgres();
  pool = new pg.Pool({ connectionString: server.url });
  root = mkdtempSync(join(tmpdir(), 'holdpoint-ledger-'));
});
afterAll(async () => {
  await pool.end();
  await server.stop();
  rmSync(root, { recursive: true, force: true });
});

const settings = (name: string) => ({
  pool,
  state: join(root, name),
  clock: systemClock,
  secrets: () => [{ name: 'token', value: 'hunter2-hunter2' }],
  schema: name,
});

describe('the ledger of a state directory', () => {
  it('goes from a measurement with an artefact to an export that somebody else verifies', async () => {
    const ledger = await openLedger(settings('whole'));
    const allow = { probe: 'load', mediaTypes: ['application/json'], largest: bytes(10_000), redactions: [] };
    const raw = { name: 'histogram', mediaType: 'application/json', content: '{"p95":101}', retention: days(30) };
    const digest = await ledger.artefacts.put(raw, allow);
    const key = { launch: 'one', step: 'A.1/latency', attempt: 1, sequence: 1 };
    const made = await ledger.leaves.append([opened('one'), { key, release: undefined, body: measured(1, [digest]) }]);
    await ledger.sequencer.settled(made.length);

    const to = join(root, 'export');
    await exportLedger({ directory: ledger.directory, key: ledger.key.verifier, to });
    const vkey = readFileSync(join(root, 'whole/keys/ledger.pub'), 'utf8');
    expect(await verifyLedger({ directory: to, key: vkey })).toMatchObject({
      kind: 'sound',
      entries: 2,
      verdicts: { pass: 1, fail: 0, unknown: 0 },
      artefacts: { present: 1 },
    });
    expect((await showEntry(to, ledger.key.verifier, 1)).leaf).toEqual(made[1]);
    await ledger.stop();

    const again = await openLedger(settings('whole'));
    expect(await again.leaves.read()).toEqual(made);
    await again.stop();
  });

  it('refuses a database that was begun with the key of another state directory', async () => {
    await (await openLedger(settings('mixed'))).stop();
    const other = { ...settings('mixed'), state: join(root, 'elsewhere') };
    await expect(openLedger(other)).rejects.toMatchObject({ problem: { kind: 'conflict' } });
  });
});

/** Mounting needs rights that a container may not have; then there is no small disk to fill. */
function mountSmallDisk(at: string): boolean {
  mkdirSync(at, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', at], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

describe('a full disk', () => {
  it('delays the files and loses no leaf; the checkpoint follows when there is room', async (test) => {
    const disk = ledgerDirectory(join(root, 'full'));
    if (!mountSmallDisk(disk)) test.skip('this machine does not let us mount a small disk');
    const problems: Problem[] = [];
    try {
      const ledger = await openLedger({ ...settings('full'), onProblem: (problem) => problems.push(problem) });
      const ballast = join(disk, 'ballast');
      writeFileSync(ballast, Buffer.alloc(300_000));
      const made = await ledger.leaves.append(launchOf('one', 200));
      for (let tries = 0; problems.length === 0 && tries < 100; tries++) await pause(50);
      expect(problems[0]).toMatchObject({ kind: 'host', what: expect.stringContaining('full') });
      expect(await ledger.leaves.read()).toEqual(made);
      rmSync(ballast);
      expect((await ledger.sequencer.settled(200)).size).toBe(200);
      await ledger.stop();
      const vkey = readFileSync(join(root, 'full/keys/ledger.pub'), 'utf8');
      expect(await verifyLedger({ directory: disk, key: vkey })).toMatchObject({ kind: 'sound', entries: 200 });
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});
