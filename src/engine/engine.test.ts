import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openEngine, type TestEngine, toyRequest } from '../../test/open-engine.ts';
import { type TestDatabase, testDatabase } from '../../test/temporary-state.ts';
import { digestOf, type Marks, marksIn, objective, type Toy, toyPlan, toyStep } from '../../test/toy-plan.ts';
import { ProblemError } from '../evidence/problem.ts';
import { milliseconds } from '../evidence/units.ts';
import type { HostToken, StepId } from '../plan/step.ts';
import type { PlanSource } from './request.ts';

let database: TestDatabase;
let marks: Marks;
let open: TestEngine | undefined;
let round = 0;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.end());
beforeEach(() => {
  marks = marksIn(join(database.state.root, `marks-${++round}`));
});
afterEach(async () => {
  if (open) await endAll(open);
  await open?.stop();
  open = undefined;
});

/** What a test leaves open would be taken up by the next one. */
async function endAll({ engine, settled }: TestEngine): Promise<void> {
  for (const { launch } of engine.records())
    if (engine.isOpen(launch)) {
      await engine.decide(launch, { kind: 'abort', by: 'the test', reason: 'over' });
      await settled(launch);
    }
}

/** Each test has an environment of its own, so that no evidence of another is used again. */
const environment = () => `round-${round}`;
const request = () => ({ ...toyRequest, environment: environment() });

async function engineOn(toys: Record<string, Toy>, more: Partial<Parameters<typeof openEngine>[1]> = {}) {
  const steps = Object.entries(toys).map(([id, toy]) => toyStep(id as StepId, toy, marks));
  const plans: PlanSource = async (asked) => toyPlan(steps, asked.environment);
  open = await openEngine(database, { plans, ...more });
  return open;
}

test('a launch runs its steps in the order of their needs, closes itself, and its leaves have no gap', async () => {
  const { engine, settled, leaves } = await engineOn({
    'A.1/b': { needs: ['A.1/a'] },
    'A.1/a': {},
    'A.1/c': { needs: ['A.1/a', 'A.1/b'] },
  });
  const launch = await engine.start(request());
  expect(await settled(launch)).toBe('complete');
  expect(marks.lines().map((line) => line.split(' ')[1])).toEqual([
    'A.1/a',
    'A.1/a',
    'A.1/b',
    'A.1/b',
    'A.1/c',
    'A.1/c',
  ]);
  const own = await leaves.read({ launch });
  expect(own.map(({ key, body }) => `${key.step} ${key.attempt}/${key.sequence} ${body.kind}`)).toEqual([
    '@launch 0/0 opened',
    ...['a', 'b', 'c'].flatMap((s) => [`A.1/${s} 1/0 started`, `A.1/${s} 1/1 measured`, `A.1/${s} 1/2 finished`]),
    '@launch 0/1 closed',
  ]);
  expect(own.at(-1)?.body).toMatchObject({ kind: 'closed', end: 'launched' });
  // The workflow is written down as ended a moment after the last leaf is.
  while ((await engine.unfinished()) > 0) await pause(20);
});

test('a step that cannot run is tried again with back-off; each attempt stays visible', async () => {
  let failures = 0;
  const { engine, settled } = await engineOn({
    'A.1/flaky': {
      retry: { kind: 'back-off', attempts: 3, first: milliseconds(40), factor: 2 },
      during: () => {
        if (++failures <= 2) throw new ProblemError({ kind: 'host', what: 'the port is taken', next: 'free it' });
      },
    },
  });
  const launch = await engine.start(request());
  expect(await settled(launch)).toBe('complete');
  const { state } = await engine.snapshot(launch);
  const attempts = state.attempts.get('A.1/flaky') ?? [];
  expect(attempts.map((a) => a.end?.how.kind)).toEqual(['errored', 'errored', 'completed']);
  const [first, second] = attempts;
  expect((second?.startedAt ?? 0) - (first?.end?.at ?? 0)).toBeGreaterThanOrEqual(40);
});

test('what failed holds, is not run again by itself, and goes on by retry or by waiver, each with a name', async () => {
  const { engine, settled, stateOf } = await engineOn({
    'A.1/held': { during: () => undefined, objectives: [objective({ metric: 'toy.other' })] },
    'A.1/after': { needs: ['A.1/held'] },
    'A.1/mended': {},
  });
  const launch = await engine.start(request());
  expect(await settled(launch)).toBe('held');
  expect(await stateOf(launch, 'A.1/after')).toMatchObject({ kind: 'waiting', on: ['A.1/held'] });
  await expect(
    engine.decide(launch, { kind: 'waive', step: 'A.1/mended', by: 'Ada', reason: 'x' }),
  ).rejects.toMatchObject({
    problem: { kind: 'conflict' },
  });
  await expect(engine.decide(launch, { kind: 'waive', step: 'A.1/held', by: ' ', reason: 'x' })).rejects.toMatchObject({
    problem: { kind: 'input' },
  });
  await expect(engine.decide(launch, { kind: 'retry', step: 'A.1/none', by: 'Ada' })).rejects.toMatchObject({
    problem: { kind: 'input' },
  });
  await engine.decide(launch, { kind: 'retry', step: 'A.1/held', by: 'Ada' });
  expect(await settled(launch)).toBe('held');
  expect(await stateOf(launch, 'A.1/held')).toMatchObject({ kind: 'held', attempt: { number: 2 } });
  await engine.decide(launch, { kind: 'waive', step: 'A.1/held', by: 'Ada', reason: 'known' });
  expect(await settled(launch)).toBe('complete');
  expect(await stateOf(launch, 'A.1/held')).toMatchObject({
    kind: 'waived',
    waiver: { by: { identity: 'not verified' } },
  });
});

test('a token is held by one step at a time, and a step that wants all of them is not passed over', async () => {
  let running = 0;
  let most = 0;
  const busy = (tokens: readonly HostToken[]): Toy => ({
    tokens,
    during: async () => {
      most = Math.max(most, ++running);
      await pause(30);
      running--;
    },
  });
  const { engine, settled, events } = await engineOn({
    'A.1/one': busy(['cpu']),
    'A.1/all': busy(['cpu', 'disk', 'app']),
    'A.1/two': busy(['cpu', 'app']),
    'A.1/three': busy(['cpu', 'disk']),
  });
  const launch = await engine.start(request());
  expect(await settled(launch)).toBe('complete');
  expect(most).toBe(1);
  const order = marks.lines().filter((line) => line.endsWith('begun'));
  expect(order.map((line) => line.split(' ')[1])).toEqual(['A.1/one', 'A.1/all', 'A.1/two', 'A.1/three']);
  expect(events.some((event) => event.kind === 'step-waiting' && event.step === 'A.1/all')).toBe(true);
});

test('abort cancels what runs, begins nothing more, and closes the launch', async () => {
  const { engine, events, stateOf, settled } = await engineOn({
    'A.1/slow': { lasts: 60_000 },
    'A.1/next': { needs: ['A.1/slow'] },
    'A.1/waits': { tokens: ['cpu'], lasts: 60_000 },
    'A.1/queues': { tokens: ['cpu'], lasts: 60_000 },
  });
  const launch = await engine.start(request());
  while (events.filter((event) => event.kind === 'step-started').length < 2) await pause(10);
  await engine.decide(launch, { kind: 'abort', by: 'Ada', reason: 'wrong release' });
  expect(await settled(launch)).toBe('aborted');
  expect(await stateOf(launch, 'A.1/slow')).toMatchObject({ kind: 'cancelled' });
  expect(marks.lines().filter((line) => line.endsWith('ended'))).toEqual([]);
  await expect(engine.decide(launch, { kind: 'retry', step: 'A.1/slow', by: 'Ada' })).rejects.toMatchObject({
    problem: { kind: 'conflict', what: expect.stringContaining('over') },
  });
});

test('a second launch of one environment is refused with who, since when, and how to attach', async () => {
  let goOn = () => {};
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { engine, settled } = await engineOn({ 'A.1/slow': { during: () => told } });
  const first = await engine.start(request());
  await expect(engine.start({ ...request(), by: 'Bob' })).rejects.toMatchObject({
    problem: {
      kind: 'conflict',
      what: expect.stringMatching(/Ada has a launch of toy to round-\d+ open since 20/),
      next: expect.stringContaining(`holdpoint attach ${first}`),
    },
  });
  goOn();
  await settled(first);
  expect(await engine.start(request())).not.toBe(first);
});

test('evidence with the same inputs is used again: a second launch runs nothing', async () => {
  const { engine, settled, stateOf } = await engineOn({ 'A.1/a': { inputs: { release: digestOf('a') } } });
  const first = await engine.start(request());
  await settled(first);
  const second = await engine.start(request());
  expect(await settled(second)).toBe('complete');
  expect(await stateOf(second, 'A.1/a')).toMatchObject({
    kind: 'passed',
    evidence: 'used-again',
    attempt: { launch: first },
  });
  expect(marks.lines().length).toBe(2);
});

test('a check measures one step afresh, without what it needs, and closes whatever it found', async () => {
  const { engine, settled, stateOf } = await engineOn({ 'A.1/a': {}, 'A.1/b': { needs: ['A.1/a'], value: 3 } });
  const check = await engine.check(request(), 'A.1/b');
  expect(check).toMatch(/^check-toy-round-\d+-1$/);
  expect(await settled(check)).toBe('held');
  expect(await stateOf(check, 'A.1/b')).toMatchObject({ kind: 'held', findings: [{ verdict: { kind: 'fail' } }] });
  expect((await engine.snapshot(check)).state.closed).toMatchObject({ end: 'checked' });
  await expect(engine.check(request(), 'A.1/none')).rejects.toMatchObject({ problem: { kind: 'input' } });
});

test('numbers that are none become unknown, and what the ledger refuses ends the attempt with its reason', async () => {
  const odd = (returned: unknown): Toy => ({ objectives: [objective()], value: returned as number });
  const { engine, settled, stateOf } = await engineOn({
    'A.1/nan': odd(Number.NaN),
    'A.1/huge': { objectives: Array.from({ length: 900 }, (_, i) => objective({ id: `o${i}` })) },
  });
  const launch = await engine.start(request());
  expect(await settled(launch)).toBe('held');
  expect(await stateOf(launch, 'A.1/nan')).toMatchObject({
    kind: 'held',
    findings: [{ verdict: { kind: 'unknown' } }],
  });
  expect(await stateOf(launch, 'A.1/huge')).toMatchObject({ kind: 'held', problem: { kind: 'internal' } });
});

test('a plan that cannot run is refused before anything is written', async () => {
  const { engine, leaves } = await engineOn({ 'A.1/a': { needs: ['A.1/b'] }, 'A.1/b': { needs: ['A.1/a'] } });
  await expect(engine.start(request())).rejects.toMatchObject({ problem: { what: expect.stringContaining('circle') } });
  expect(await leaves.read({ environment: environment() })).toEqual([]);
  await open?.stop();
  const empty = await engineOn({ 'A.1/a': { applies: { kind: 'not-applicable', because: 'no database' } } });
  await expect(empty.engine.start(request())).rejects.toMatchObject({
    problem: { kind: 'input', what: expect.stringContaining('no step that applies') },
  });
});

test('an open launch is taken up by the next engine; one whose plan is broken waits for its repair', async () => {
  const first = await engineOn({
    'A.1/a': {},
    'A.1/slow': {
      needs: ['A.1/a'],
      during: ({ number }) => pause(number === 1 ? 600_000 : 0, undefined, { ref: false }),
    },
  });
  const launch = await first.engine.start(request());
  while (!marks.lines().some((line) => line.includes('slow'))) await pause(10);
  await first.stop();

  let broken = true;
  const steps = [toyStep('A.1/a', {}, marks), toyStep('A.1/slow', { needs: ['A.1/a'] }, marks)];
  const plans: PlanSource = async (asked) => {
    if (broken) throw new ProblemError({ kind: 'input', what: 'a key is unknown', next: 'mend it' });
    return toyPlan(steps, asked.environment);
  };
  open = await openEngine(database, { plans });
  const { engine } = open;
  while ((await engine.snapshot(launch)).problem === undefined) await pause(10);
  expect((await engine.snapshot(launch)).problem).toMatchObject({ what: 'a key is unknown' });
  broken = false;
  engine.nudge(launch);
  expect(await open.settled(launch)).toBe('complete');
  const { state } = await engine.snapshot(launch);
  expect(state.attempts.get('A.1/a')?.length).toBe(1);
  expect(state.attempts.get('A.1/slow')?.map((a) => a.end?.how.kind)).toEqual(['interrupted', 'completed']);
  while ((await engine.unfinished()) > 0) await pause(20);
});

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has noticed by itself.
  }
}

test('Postgres killed in the middle: the launch goes on, and no leaf is lost or doubled', async () => {
  const { engine, settled, leaves, events } = await engineOn({
    'A.1/a': {},
    'A.1/killer': {
      needs: ['A.1/a'],
      during: () => {
        const file = join(database.state.database, 'data', 'postmaster.pid');
        const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
        // Its children would serve on for a moment, long enough for this launch on a busy machine.
        const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
        process.kill(pid, 'SIGKILL');
        for (const child of children) killIfThere(Number(child));
      },
    },
    'A.1/c': { needs: ['A.1/killer'] },
  });
  const launch = await engine.start(request());
  expect(await settled(launch)).toBe('complete');
  const keys = (await leaves.read({ launch })).map(({ key }) => `${key.step}/${key.attempt}/${key.sequence}`);
  expect(keys.length).toBe(new Set(keys).size);
  expect(keys.length).toBe(11);
  expect(events.map((event) => event.kind)).toContain('store-down');
  expect(events.map((event) => event.kind)).toContain('store-up');
});

test('a record that was never opened, and one that is no record, are no launch', async () => {
  const { launches } = database.state;
  writeFileSync(join(launches, 'torn.json'), '{"launch":"to');
  const record = { launch: 'toy-x-1', kind: 'launch', request: request(), plan: toyPlan([]).plan, askedAt: 1 };
  writeFileSync(join(launches, 'toy-x-1.json'), JSON.stringify(record));
  const lines: string[] = [];
  const { engine } = await engineOn({ 'A.1/a': {} }, { log: (line) => lines.push(line) });
  expect(engine.records().map((r) => r.launch)).not.toContain('toy-x-1');
  expect(lines.join()).toContain('torn.json');
});

test('what an app says of itself reaches neither ledger nor progress with a known secret in it', async () => {
  const secret = `canary-${Math.random().toString(36).slice(2)}`;
  const quoting: Toy = {
    note: `its last lines: password is ${secret}`,
    during: (attempt) => attempt.progress(`the app printed ${secret}`),
  };
  const failing: Toy = {
    during: () => {
      throw new ProblemError({ kind: 'app', what: 'it failed', next: 'mend it', detail: [`login with ${secret}`] });
    },
  };
  const { engine, settled, leaves, events } = await engineOn(
    { 'A.1/a': quoting, 'A.1/b': failing },
    { withoutSecrets: () => (text) => text.replaceAll(secret, '[secret login]') },
  );
  const launch = await engine.start(request());
  await settled(launch);
  const told = JSON.stringify([await leaves.read({ launch }), events]);
  expect(told).not.toContain(secret);
  expect(told.match(/\[secret login\]/g)?.length).toBeGreaterThanOrEqual(3);
});
