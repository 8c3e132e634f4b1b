import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PlanSource } from '../../src/engine/request.ts';
import { openControlDatabase } from '../../src/server/control-database.ts';
import { ensureUser } from '../../src/server/service-user.ts';
import { openStateDirectory } from '../../src/server/state-directory.ts';
import { openEngine, type TestEngine, toyRequest } from '../open-engine.ts';
import { remove, type TestDatabase, temporaryDirectory } from '../temporary-state.ts';
import { marksIn, toyPlan, toyStep } from '../toy-plan.ts';

/** Why a small file system cannot be mounted here (no root, a container): then nothing can be shown. */
let cannotMount: string | undefined;

let root: string;
let database: TestDatabase;
let open: TestEngine | undefined;

beforeAll(async () => {
  root = temporaryDirectory();
  const place = join(root, 'small');
  mkdirSync(place);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=220m,mode=0755', 'tmpfs', place], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    cannotMount = mounted.stderr.split('\n')[0] ?? 'mount failed';
    return;
  }
  ensureUser();
  const state = await openStateDirectory(join(place, 'state'));
  const lines: string[] = [];
  const opened = await openControlDatabase({ state, log: (line) => lines.push(line) });
  database = { state, database: opened, lines, end: opened.stop };
});
afterAll(async () => {
  await open?.stop();
  await database?.end();
  if (cannotMount === undefined) execFileSync('umount', [join(root, 'small')]);
  remove(root);
});

/** Takes what is left of the file system, down to the last block. */
function fill(file: string): void {
  const { bavail, bsize } = statfsSync(join(root, 'small'));
  try {
    writeFileSync(file, Buffer.alloc(bavail * bsize));
  } catch {
    // It is full a block earlier or later; full is what is wanted.
  }
}

test('a full disk holds the launch; once it is cleared it goes on, and no leaf is lost', {
  timeout: 90_000,
}, async (context) => {
  if (cannotMount !== undefined) context.skip(`no small file system can be made here: ${cannotMount}`);
  const ballast = join(root, 'small', 'ballast');
  const marks = marksIn(join(root, 'marks'));
  const ids = Array.from({ length: 40 }, (_, i) => `A.1/step-${i}` as const);
  const plans: PlanSource = async () =>
    toyPlan(
      ids.map((id, i) => {
        const needs = i === 0 ? [] : ([`A.1/step-${i - 1}`] as const);
        return toyStep(id, { needs, during: () => (i === 5 ? fill(ballast) : undefined) }, marks);
      }),
    );
  open = await openEngine(database, { plans });
  const { engine, events, leaves, settled } = open;
  const launch = await engine.start(toyRequest);
  for (let waited = 0; !events.some((e) => e.kind === 'store-down') && waited < 400; waited++) {
    await pause(50);
    // Postgres goes on in the segments that it has already; the next bytes that it needs are what is missing.
    if (waited % 10 === 9) fill(`${ballast}-${waited}`);
    if (!engine.isOpen(launch)) break;
  }
  const down = events.find((e) => e.kind === 'store-down');
  for (let i = 0; i < 400; i++) rmSync(`${ballast}-${i}`, { force: true });
  rmSync(ballast, { force: true });
  expect(await settled(launch)).toBe('complete');
  const keys = (await leaves.read({ launch })).map(({ key }) => `${key.step}/${key.attempt}/${key.sequence}`);
  expect(keys.length).toBe(2 + ids.length * 3);
  expect(new Set(keys).size).toBe(keys.length);
  expect(down).toMatchObject({
    problem: { kind: 'host', what: expect.stringMatching(/disk is full|does not answer/) },
  });
});
