import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findResident } from '../../src/server/start.ts';
import { remove, temporaryDirectory } from '../temporary-state.ts';
import { begin, type Ended, holdpoint, STACK } from './command-line.ts';

/** One launch on which everything comes at once: a taken port, a second launch, Ctrl-C, a SIGKILL, a failing build. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const HTTPS = 30_243;
const FIRST = 30_300;
let root = '';
let place = { app: '', state: '' };
let stranger: Server;

const DESCRIPTION = `
name: hard-days
build: node build.cjs
services:
  web:
    command: node server.cjs
    health: /health
production: { httpsPort: ${HTTPS}, firstPort: ${FIRST} }
`;

/** Waits for the test's word, as a long build would, and then fails as builds do: its reason in the last lines. */
const build = (word: string) => `
const { existsSync } = require('node:fs');
const look = setInterval(() => {
  if (!existsSync(${JSON.stringify(word)})) return;
  clearInterval(look);
  console.error('src/prices.ts: error: cannot find name PRICE');
  process.exitCode = 3;
}, 100);
`;

beforeAll(async () => {
  root = temporaryDirectory();
  place = { app: join(root, 'app'), state: join(root, 'state') };
  mkdirSync(place.app);
  writeFileSync(join(place.app, 'holdpoint.yaml'), DESCRIPTION);
  writeFileSync(join(place.app, 'build.cjs'), build(join(root, 'go-on')));
  writeFileSync(
    join(place.app, 'server.cjs'),
    `require('node:http').createServer((_, answer) => answer.end('ok')).listen(process.env.PORT, '127.0.0.1');\n`,
  );
  stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(HTTPS, '127.0.0.1', resolve));
});

afterAll(async () => {
  stranger.close();
  const pid = await residentPid();
  await holdpoint(place, 'down', '--yes');
  if (pid !== undefined) await gone(pid);
  remove(root);
});

async function residentPid(): Promise<number | undefined> {
  return (await (await findResident(place.state))?.health())?.pid;
}

/** `down` ends the resident process, too; should it not, this test does. */
async function gone(pid: number): Promise<void> {
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

async function building(launch: string): Promise<void> {
  for (const deadline = Date.now() + 90_000; Date.now() < deadline; await pause(100)) {
    const view = await (await findResident(place.state))?.view(launch);
    if (view?.steps.some((s) => s.id === 'A.2/release' && s.state === 'running')) return;
  }
  throw new Error('the build did not begin');
}

describe('a launch on a hard day', () => {
  let name = '';
  let before: number | undefined;
  let end: Ended;

  it('goes on after Ctrl-C, and says how to come back', async () => {
    const launch = begin(place, 'launch', '--runtime', 'process', '--window', '20s', '--yes');
    const found = () => /launch (production-\S+?):/.exec(launch.said.out)?.[1] ?? firstLaunch();
    const firstLaunch = async () => (await (await findResident(place.state))?.launches())?.[0]?.launch;
    for (let i = 0; i < 600 && name === ''; i++, await pause(100)) name = (await found()) ?? '';
    await building(name);
    launch.child.kill('SIGINT');
    const { status, err } = await launch.ended;
    expect({ status, err }).toMatchObject({ status: 130, err: expect.stringContaining('The launch goes on') });
    expect(err).toMatch(/attach/);
    expect((await (await findResident(place.state))?.view(name))?.end).toEqual({ kind: 'going' });
  });

  it('refuses a second launch with who, since when and how to attach', async () => {
    const { status, err } = await holdpoint(place, 'launch', '--runtime', 'process', '--window', '20s', '--yes');
    expect(status).toBe(1);
    expect(err).toContain(name);
    expect(err).toMatch(/since/);
    expect(err).toMatch(/attach/);
    expect(err).not.toMatch(STACK);
  });

  it('goes on by itself after its resident process was killed, from the next command on', async () => {
    before = await residentPid();
    if (before === undefined) throw new Error('no resident process');
    process.kill(before, 'SIGKILL');
    for (let i = 0; i < 100 && isThere(before); i++) await pause(50);
    const { status, out, err } = await holdpoint(place, 'status');
    expect({ status, err }).toMatchObject({ status: 3, err: expect.stringContaining('starting it') });
    expect(out).toContain('hard-days to production');
    expect(await residentPid()).not.toBe(before);
    await building(name);
    writeFileSync(join(root, 'go-on'), '');
    end = await holdpoint(place, 'attach', name);
    expect(end.status).toBe(1);
    expect(`${end.out}${end.err}`).not.toMatch(STACK);
  });

  it('shows the build that failed with its last lines and what to do, every attempt of it', () => {
    expect(end.out).toContain('the build command `node build.cjs` ended with exit status 3');
    expect(end.out).toContain('src/prices.ts: error: cannot find name PRICE');
    expect(end.out).toMatch(/attempt 2 of 2/);
    expect(end.out).toContain('retry A.2/release --by NAME');
  });

  it('names who holds a port that production needs', () => {
    expect(end.out).toMatch(new RegExp(`${HTTPS} \\(load balancer\\) is held by \\S.*pid ${process.pid}`));
  });

  it('has lost no entry: the ledger verifies, and every attempt of the killed process is closed', async () => {
    const proof = join(root, 'proof');
    expect((await holdpoint(place, 'ledger', 'export', proof)).status).toBe(0);
    const key = join(proof, 'ledger.pub');
    const { status, out } = await holdpoint(place, 'ledger', 'verify', proof, '--key', key);
    expect({ status, out }).toMatchObject({ status: 0, out: expect.stringContaining('Sound') });
    const client = await findResident(place.state);
    const attempts = (await client?.view(name))?.steps.find((s) => s.id === 'A.2/release')?.attempts ?? [];
    expect(attempts.map((a) => a.end?.how.kind)).toEqual(['interrupted', 'errored']);
  });

  it('refuses a damaged state directory and changes nothing in it', async () => {
    const file = join(place.state, 'holdpoint-state.json');
    const whole = readFileSync(file, 'utf8');
    const pid = await residentPid();
    if (pid === undefined) throw new Error('no resident process');
    process.kill(pid, 'SIGTERM');
    for (let i = 0; i < 300 && isThere(pid); i++) await pause(100);
    writeFileSync(file, '{ "layout": ');
    const { status, err } = await holdpoint(place, 'status');
    expect(readFileSync(file, 'utf8')).toBe('{ "layout": ');
    writeFileSync(file, whole);
    expect(status).toBe(1);
    expect(err).toContain('the state directory is damaged');
    expect(err).toContain(file);
    expect(err).toMatch(/next: .*backup/);
    expect(err).not.toMatch(STACK);
    expect((await holdpoint(place, 'history')).out).toContain(name);
  });
});
