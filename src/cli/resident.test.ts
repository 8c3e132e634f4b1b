import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { remove, temporaryDirectory } from '../../test/temporary-state.ts';
import type { ResidentClient } from '../server/client.ts';
import { ensureUser } from '../server/service-user.ts';
import { findResident } from '../server/start.ts';

/** The commands against a real resident process, its Postgres and ledger; only its steps are toys. */

// Each command is a process of its own that compiles itself first: slow on a machine that does other things too.
vi.setConfig({ testTimeout: 180_000 });

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const toy = fileURLToPath(new URL('../../test/serve-toy.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');
let root = '';
let app = '';
let state = '';
let server: ChildProcess;
let client: ResidentClient;

beforeAll(async () => {
  root = temporaryDirectory();
  ensureUser();
  state = join(root, 'state');
  app = join(root, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'holdpoint.yaml'), 'name: toy\n');
  server = spawn(process.execPath, ['--import', tsx, toy, state], { stdio: 'ignore' });
  const deadline = Date.now() + 60_000;
  for (let found: ResidentClient | undefined; ; found = await findResident(state).catch(() => undefined)) {
    if (found) {
      client = found;
      return;
    }
    if (Date.now() > deadline || server.exitCode !== null) throw new Error('the resident process did not come up');
    await pause(100);
  }
});
afterAll(async () => {
  if (server.exitCode === null) {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
  remove(root);
});

/** Asynchronous: the client is to be watched while the launch goes on. */
function begin(...args: string[]) {
  const environment = { PATH: process.env.PATH, HOLDPOINT_STATE: state, LANG: 'C.UTF-8' };
  const child = spawn(process.execPath, ['--import', tsx, main, ...args], { cwd: app, env: environment });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said.err += text;
  });
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, ...said }));
  return { child, said, ended };
}
const holdpoint = (...args: string[]) => begin(...args).ended;

const launch = (options: Record<string, number>, environment = 'production') =>
  client.launch({ directory: realpathSync(app), environment, by: 'ada', options });

async function settled(name: string): Promise<void> {
  while ((await client.view(name)).end.kind === 'going') await pause(50);
}

describe('what a step said', () => {
  it('is told in words where it ran and said nothing; one that never ran is an error', async () => {
    const name = await launch({ silent: 1 }, 'silent');
    await settled(name);
    const logs = (...more: string[]) => holdpoint('logs', ...more, '--launch', name);
    expect(await logs('A.1/first')).toMatchObject({ status: 0, out: expect.stringContaining('A.1/first runs') });
    expect(await logs('A.1/second')).toMatchObject({
      status: 0,
      out: `A.1/second, attempt 1 of ${name}\n  it has printed nothing\n`,
    });
    expect(await logs('A.1/second', '--json')).toMatchObject({ status: 0, out: '' });
    expect(await logs('A.1/second', '--attempt', '2')).toMatchObject({
      status: 2,
      err: expect.stringContaining('A.1/second, attempt 2, has not run'),
    });
    for (const never of ['B.1/leaks', 'A.1/nowhere'])
      expect(await logs(never)).toMatchObject({ status: 2, err: expect.stringContaining(`${never} has not run`) });
  });
});

describe('a launch that holds', () => {
  let name = '';
  beforeAll(async () => {
    name = await launch({ value: 3 });
    await settled(name);
  });

  it('has a board with the reason and the commands that go on, and status 1', async () => {
    const { status, out } = await holdpoint('status');
    expect(status).toBe(1);
    expect(out).toContain('Held by a step');
    expect(out).toContain('not toy.violations == 0: 3 count');
    expect(out).toMatch(/waive A\.1\/second --by NAME --reason TEXT/);
  });

  it('is given to a program as one line of JSON', async () => {
    const { status, out } = await holdpoint('status', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ kind: 'status', status: 1, launch: { launch: name } });
  });

  it('is retried, and every attempt stays visible', async () => {
    const { status, out } = await holdpoint('retry', 'A.1/second', '--by', 'Ada');
    expect({ status, out }).toMatchObject({
      status: 0,
      out: expect.stringContaining('another attempt asked for by Ada'),
    });
    await settled(name);
    expect((await holdpoint('status')).out).toContain('attempt 2 of 2');
    expect((await holdpoint('logs', 'A.1/second')).out).toContain('A.1/second, attempt 2 of');
  });

  it('refuses a decision that would mean nothing', async () => {
    const waived = await holdpoint('waive', 'A.1/first', '--by', 'Ada', '--reason', 'no');
    expect(waived.status).toBe(1);
    expect(waived.err).toContain('only a hold can be waived');
    const unknown = await holdpoint('retry', 'A.1/nowhere');
    expect(unknown).toMatchObject({ status: 2, err: expect.stringContaining('the plan has no step A.1/nowhere') });
  });

  it('goes on past a waiver, which is never a pass', async () => {
    const waived = await holdpoint('waive', 'A.1/second', '--by', 'Ada', '--reason', 'known, issue 7');
    expect(waived.out).toContain('waived by Ada (identity not verified): known, issue 7');
    while ((await client.launches()).some((l) => l.launch === name && l.isOpen)) await pause(50);
    const { status, out } = await holdpoint('attach', name);
    expect(status).toBe(0);
    expect(out).toContain('1 passed, 0 failed, 0 unknown, 1 waived, 1 not applicable');
    expect(out).toContain('Launched, provisionally');
  });

  it('stands in the history', async () => {
    const { status, out } = await holdpoint('history');
    expect(status).toBe(0);
    expect(out).toMatch(new RegExp(`${name} .* ada +launched +1 passed`));
  });

  it('has its entries in the ledger, which verifies', async () => {
    const proof = join(root, 'proof');
    expect((await holdpoint('ledger', 'export', proof)).status).toBe(0);
    const { status, out } = await holdpoint('ledger', 'verify', proof, '--key', join(proof, 'ledger.pub'));
    expect({ status, out }).toMatchObject({ status: 0, out: expect.stringContaining('Sound') });
    expect((await holdpoint('ledger', 'show', '0')).out).toContain('Entry 0  opened');
  });
});

describe('a launch that goes on', () => {
  it('is followed in plain lines, survives Ctrl-C, and is ended by abort', async () => {
    const name = await launch({ lasts: 30_000 }, 'staging');
    expect((await holdpoint('status', name)).status).toBe(3);
    const following = begin('attach', name);
    while (!following.said.out.includes('running A.1/first')) await pause(50);
    following.child.kill('SIGINT');
    expect(await following.ended).toMatchObject({ status: 130, err: expect.stringContaining('The launch goes on') });
    const ended = begin('attach', name, '--json');
    // Listening before the decision is made: the first line says how the launch stands, and the stream begins there.
    while (!ended.said.out.includes('\n')) await pause(50);
    expect((await holdpoint('abort', name, '--by', 'Ada', '--reason', 'enough')).status).toBe(0);
    const { status, out } = await ended.ended;
    expect(status).toBe(1);
    const kinds = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).kind);
    expect(kinds[0]).toBe('standing');
    expect(kinds).toContain('decided');
    expect(kinds.at(-1)).toBe('launch-closed');
  });
});

describe('where nothing is', () => {
  it('a command that looks starts nothing and says so', async () => {
    const { status, err } = await holdpoint('status', '--state', join(root, 'nowhere'));
    expect(status).toBe(2);
    expect(err).toContain('nothing was launched here yet');
  });

  it('an unknown launch is said to be one', async () => {
    const { status, err } = await holdpoint('attach', 'nothing-9');
    expect({ status, err }).toMatchObject({ status: 2, err: expect.stringContaining('there is no launch nothing-9') });
  });
});
