import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { remove, temporaryDirectory } from '../../test/temporary-state.ts';
import { ProblemError } from '../evidence/problem.ts';
import { verifyLedger } from '../ledger/verify.ts';
import type { ResidentClient, StreamLine } from './client.ts';
import { residentClient } from './client.ts';
import { stopEmbeddedPostgres } from './embedded-postgres.ts';
import { stateOfPicture } from './launch-view.ts';
import { isAlive } from './process-facts.ts';
import { ensureUser } from './service-user.ts';
import { socketPath } from './socket-path.ts';
import { findResident, startResident } from './start.ts';

const CANARY = 'canary-b3c1-not-for-the-ledger';
let root: string;
let state: string;
let marks: string;
let client: ResidentClient;

const command = (at = state) => [
  process.execPath,
  '--import',
  import.meta.resolve('tsx'),
  new URL('../../test/serve-toy.ts', import.meta.url).pathname,
  at,
  marks,
];
const request = (environment: string, options = {}) => ({ directory: '/srv/toy', environment, by: 'Ada', options });

beforeAll(async () => {
  root = temporaryDirectory();
  state = join(root, 'state');
  marks = join(root, 'marks');
  ensureUser();
  const started = await startResident({ state, command: command() });
  expect(started.how).toBe('was started');
  client = started.client;
});
afterAll(async () => {
  await endResident().catch(() => undefined);
  await stopEmbeddedPostgres(join(state, 'database'));
  remove(root);
});

async function endResident(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const { pid } = await client.health();
  process.kill(pid, signal);
  while (isAlive(pid)) await pause(20);
}

async function ended(launch: string): Promise<StreamLine[]> {
  const lines: StreamLine[] = [];
  for await (const line of client.events(launch)) {
    lines.push(line);
    if (line.kind === 'launch-state' && line.end.kind === 'held') break;
    // Where it is held already, nothing more happens.
    if (line.kind === 'picture' && stateOfPicture(line.picture).end.kind === 'held') break;
  }
  return lines;
}

async function problemOf(doing: Promise<unknown>) {
  const thrown = await doing.catch((error: unknown) => error);
  if (thrown instanceof ProblemError) return thrown.problem;
  throw new Error(`expected a problem, got ${String(thrown)}`);
}

test('answers on a socket that is its owner’s alone, and says who it is', async () => {
  expect(statSync(socketPath({ run: join(state, 'run') })).mode & 0o777).toBe(0o600);
  const health = await client.health();
  expect(health).toMatchObject({ version: 'toy', state, database: { how: 'started' }, ledger: {} });
  expect(await findResident(state)).toBeDefined();
  expect((await startResident({ state, command: command() })).how).toBe('was there');
});

test('a launch over the wire: plan, events, view and picture agree, and the verdicts are made here', async () => {
  const { plan } = await client.plan(request('wire'));
  expect(plan.steps.map((s) => s.id)).toEqual(['A.1/first', 'A.1/second', 'B.1/leaks']);
  const launch = await client.launch(request('wire'));
  const lines = await ended(launch);
  expect(lines[0]?.kind).toBe('picture');
  const view = await client.view(launch);
  expect(view).toMatchObject({ isOpen: false, end: { kind: 'complete' }, tally: { passed: 2, notApplicable: 1 } });
  expect(view.steps[0]).toMatchObject({ state: 'passed', findings: [{ verdict: { kind: 'pass' } }] });
  const picture = await client.picture(launch);
  const again = stateOfPicture(picture);
  expect([...again.steps.values()].map((s) => s.kind)).toEqual(view.steps.map((s) => s.state));
  expect(JSON.stringify(picture)).not.toContain('verdict');
  const [summary] = (await client.launches()).filter((l) => l.launch === launch);
  expect(summary).toMatchObject({ by: 'Ada', isOpen: false, over: { end: 'launched', tally: { passed: 2 } } });
  expect(await client.logs(launch, 'A.1/first')).toMatchObject([
    { attempt: 1, lines: [expect.stringContaining('runs')] },
  ]);
});

test('a hold is decided over the wire; a second launch and an unknown one are refused', async () => {
  const launch = await client.launch(request('held', { value: 2 }));
  await ended(launch);
  expect((await client.view(launch)).steps[1]).toMatchObject({
    state: 'held',
    findings: [{ verdict: { kind: 'fail' } }],
  });
  expect(await problemOf(client.launch(request('held')))).toMatchObject({
    kind: 'conflict',
    next: expect.stringContaining(`holdpoint attach ${launch}`),
  });
  const decision = await client.decide(launch, { kind: 'waive', step: 'A.1/second', by: 'Ada', reason: 'known' });
  expect(decision).toMatchObject({ kind: 'waiver', by: { identity: 'not verified' } });
  await ended(launch);
  expect((await client.view(launch)).closed).toMatchObject({ end: 'launched' });
  expect(await problemOf(client.view('none'))).toMatchObject({ kind: 'input', what: 'there is no launch none' });
});

test('a check is a record of its own', async () => {
  const check = await client.check(request('wire'), 'A.1/second');
  await ended(check);
  expect(await client.view(check)).toMatchObject({
    kind: 'check',
    closed: { end: 'checked' },
    steps: [{ state: 'passed' }],
  });
});

test('what is no request is refused with its place and without a stack', async () => {
  const bad = { ...request('x'), directory: 'relative' };
  expect(await problemOf(client.launch(bad))).toMatchObject({
    kind: 'input',
    detail: [expect.stringMatching(/^directory:/)],
  });
  expect(await problemOf(client.launch(request('../etc')))).toMatchObject({ kind: 'input' });
  expect(await raw('POST', '/v1/launches', '{')).toMatchObject({ status: 400, body: { problem: { kind: 'input' } } });
  expect(await raw('GET', '/v1/nothing')).toMatchObject({ status: 400, body: { problem: { kind: 'input' } } });
  expect(await client.logs((await client.launches())[0]?.launch ?? '', '../../../keys/ledger.key')).toEqual([]);
  const inside = { ...request('inside'), directory: root };
  expect(await problemOf(client.launch(inside))).toMatchObject({ what: expect.stringContaining('working tree') });
});

function raw(method: string, path: string, body?: string): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = httpRequest(
      { socketPath: socketPath({ run: join(state, 'run') }), method, path, headers },
      (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

test('other operations report as they go, and end with a result or a problem', async () => {
  expect(await client.operations()).toEqual(['down', 'broken']);
  const lines: string[] = [];
  expect(await client.operate('down', 'Ada', { now: true }, (line) => lines.push(line))).toEqual({
    stopped: { now: true },
  });
  expect(lines).toEqual(['stopping for Ada', 'stopped']);
  expect(await problemOf(client.operate('broken', 'Ada', null, () => undefined))).toMatchObject({ kind: 'internal' });
  expect(await problemOf(client.operate('constructor', 'Ada', null, () => undefined))).toMatchObject({ kind: 'input' });
});

test('the ledger is exported and verifies; an entry is shown with its proof', async () => {
  const directory = join(root, 'exported');
  const { size } = await client.exportLedger(directory);
  expect(size).toBeGreaterThan(10);
  const key = readFileSync(join(state, 'keys', 'ledger.pub'), 'utf8');
  expect(await verifyLedger({ directory, key })).toMatchObject({ kind: 'sound' });
  expect(await client.entry(3)).toMatchObject({ leaf: { index: 3 }, proof: expect.any(Array) });
  expect(await client.checkpoint()).toContain(String(size));
  expect(await problemOf(client.entry(99_999))).toMatchObject({ kind: 'input' });
});

test('a secret that a step would keep is refused, and is nowhere in the state directory', async () => {
  const launch = await client.launch(request('leaks', { leaks: true }));
  await ended(launch);
  const leaks = (await client.view(launch)).steps.find((s) => s.id === 'B.1/leaks');
  expect(leaks).toMatchObject({ state: 'held', problem: { what: expect.stringContaining('the canary') } });
  for (const room of ['logs', 'launches', 'ledger', 'run'])
    for (const file of filesBelow(join(state, room))) expect(file.content.includes(CANARY), file.path).toBe(false);
});

/** All files at one moment: read anew where one was renamed in between, for the ledger goes on being written. */
function filesBelow(directory: string): { readonly path: string; readonly content: Buffer }[] {
  for (;;)
    try {
      return readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => ({ path, content: readFileSync(path) }));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
}

test('a second process on the state directory is refused with who has it', async () => {
  const { pid } = await client.health();
  const { serve } = await import('./serve.ts');
  const compose = () => ({ plans: async () => Promise.reject(new Error('never')), operations: {} });
  expect(await problemOf(serve({ state, version: 'second', compose }))).toMatchObject({
    kind: 'conflict',
    what: expect.stringContaining(`process ${pid} of`),
  });
});

test('one that does not come up says why, with its last lines', async () => {
  const other = join(root, 'other');
  const failing = [process.execPath, '-e', 'console.error("the port is taken"); process.exit(3)'];
  expect(await problemOf(startResident({ state: other, command: failing }))).toMatchObject({
    kind: 'host',
    what: expect.stringContaining('ended with 3'),
    detail: ['the port is taken'],
  });
  expect(await problemOf(residentClient(socketPath({ run: join(other, 'run') })).health())).toMatchObject({
    kind: 'host',
    next: expect.stringContaining('holdpoint serve'),
  });
});

test('many commands at the same moment find or start one resident process, also while another ends', async () => {
  const place = join(root, 'crowded');
  const start = () => startResident({ state: place, command: command(place) });
  const first = await Promise.all([start(), start(), start(), start()]);
  const pids = new Set(await Promise.all(first.map(async (each) => (await each.client.health()).pid)));
  expect(pids.size).toBe(1);
  const [pid = 0] = pids;
  process.kill(pid, 'SIGTERM');
  // Its lock is the last that an ending process lets go of: nothing answers, and the place is taken.
  while ((await findResident(place)) !== undefined) await pause(5);
  const next = await start();
  const health = await next.client.health();
  expect([next.how, health.pid === pid]).toEqual(['was started', false]);
  process.kill(health.pid, 'SIGTERM');
  while (isAlive(health.pid)) await pause(20);
});

test('a client that goes away does not end the launch; killed and started again, the launch goes on', async () => {
  const until = join(root, 'killed-goes-on');
  const launch = await client.launch(request('killed', { until }));
  const gone = new AbortController();
  for await (const line of client.events(launch, gone.signal)) {
    const running = line.kind === 'picture' && stateOfPicture(line.picture).steps.get('A.1/first')?.kind === 'running';
    if (running || line.kind === 'step-started' || line.kind === 'progress') gone.abort();
  }
  expect((await client.view(launch)).isOpen).toBe(true);
  await endResident('SIGKILL');
  expect(await findResident(state)).toBeUndefined();
  const again = await startResident({ state, command: command() });
  client = again.client;
  expect((await client.health()).database.how).toBe('adopted');
  writeFileSync(until, '');
  await ended(launch);
  const view = await client.view(launch);
  expect(view.steps[0]?.attempts.map((a) => a.end?.how.kind)).toEqual(['interrupted', 'completed']);
  expect(view).toMatchObject({ isOpen: false, tally: { passed: 2 } });
});

test('SIGTERM ends the process, its database with it, and leaves a running launch to be gone on with', async () => {
  const until = join(root, 'stopped-goes-on');
  const launch = await client.launch(request('stopped', { until }));
  while ((await client.view(launch)).steps[0]?.state !== 'running') await pause(20);
  const database = Number(readFileSync(join(state, 'database', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  await endResident();
  expect(isAlive(database)).toBe(false);
  client = (await startResident({ state, command: command() })).client;
  expect((await client.health()).database.how).toBe('started');
  writeFileSync(until, '');
  await ended(launch);
  expect((await client.view(launch)).closed).toMatchObject({ end: 'launched' });
});
