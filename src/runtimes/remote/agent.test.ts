import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { copyFile, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FromAgent, lineOf, lines, type ToAgent } from '../../hosts/ssh/wire.ts';
import { agentProgram } from './program.ts';

const run = promisify(execFile);

/** A socket is in its folder a moment before anybody listens on it. */
async function connected(at: string): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    const connection = connect(at);
    try {
      await once(connection, 'connect');
      return connection;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe('the agent on a host', () => {
  let root: string;
  let program: string;
  let socket: string;
  const started: ChildProcess[] = [];
  const connections: Socket[] = [];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'hp-agent-'));
    program = join(root, 'agent.mjs');
    socket = join(root, 'agent-0.sock');
    await writeFile(program, (await agentProgram()).text);
  });
  afterEach(async () => {
    for (const each of connections.splice(0)) each.destroy();
    for (const each of started.splice(0)) each.kill('SIGKILL');
    await rm(root, { recursive: true, force: true });
  });

  const serve = async (idleMs: number, at = socket): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [program, 'serve', root, at, String(idleMs)], { stdio: 'ignore' });
    started.push(child);
    await expect.poll(() => existsSync(at), { timeout: 30_000 }).toBe(true);
    return child;
  };

  const caller = async (at = socket) => {
    const heard: FromAgent[] = [];
    const connection = await connected(at);
    connections.push(connection);
    connection.on('error', () => undefined);
    connection.on(
      'data',
      lines((line) => heard.push(JSON.parse(line))),
    );
    await expect.poll(() => heard.length, { timeout: 30_000 }).toBe(1);
    return { heard, say: (message: ToAgent) => connection.write(lineOf(message)), leave: () => connection.destroy() };
  };

  const command = (id: string, script: string): ToAgent => ({
    kind: 'call',
    id,
    target: { of: 'host' },
    method: 'run',
    input: [{ argv: ['sh', '-c', script], timeLimit: 20_000 }],
  });
  /** A command that runs until the test makes a file of that name. */
  const waitsFor = (name: string) => `while ! [ -e ${root}/${name} ]; do sleep 0.1; done`;
  const results = (heard: readonly FromAgent[]) => heard.filter(({ kind }) => kind === 'result');

  it('carries a call out once, whoever asks for it again and again, and tells each what came so far', async () => {
    await serve(60_000);
    const first = await caller();
    first.say(command('one', `echo run >>${root}/runs; echo early; ${waitsFor('heard')}; echo late`));
    await expect.poll(() => first.heard.some(({ kind }) => kind === 'line'), { timeout: 30_000 }).toBe(true);
    first.leave();
    const second = await caller();
    second.say(command('one', `echo run >>${root}/runs`));
    await writeFile(join(root, 'heard'), '');
    await expect.poll(() => results(second.heard), { timeout: 30_000 }).toHaveLength(1);
    expect(second.heard.flatMap((message) => (message.kind === 'line' ? [message.text] : []))).toEqual([
      'early',
      'late',
    ]);
    second.leave();
    // Kept until the caller says that it has it.
    const third = await caller();
    third.say(command('one', 'exit 9'));
    await expect.poll(() => results(third.heard), { timeout: 30_000 }).toHaveLength(1);
    expect(results(third.heard)).toEqual(results(second.heard));
    expect((await run('cat', [`${root}/runs`])).stdout).toBe('run\n');
    third.say({ kind: 'forget', id: 'one' });
    third.say(command('one', 'exit 9'));
    await expect.poll(() => results(third.heard), { timeout: 30_000 }).toHaveLength(2);
    expect(results(third.heard)[1]).toMatchObject({ value: { code: 9 } });
  });

  it('listens where only its user may speak to it, and ends no sooner than it is idle', async () => {
    const child = await serve(3_000);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const busy = await caller();
    busy.say(command('long', waitsFor('may-end')));
    busy.leave();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(child.exitCode).toBeNull();
    await writeFile(join(root, 'may-end'), '');
    if (child.exitCode === null) await once(child, 'exit');
    expect(existsSync(socket)).toBe(false);
  });

  it('makes way for that of another version, but not while it works', async () => {
    const old = join(root, 'agent-1.sock');
    const child = await serve(60_000, old);
    const busy = await caller(old);
    busy.say(command('works', waitsFor('may-end')));
    await run(process.execPath, [program, 'start', root, socket]);
    expect(child.exitCode).toBeNull();
    busy.leave();
    await writeFile(join(root, 'may-end'), '');
    // Each that starts asks the others, once.
    const newer: string[] = [];
    const askAgain = async () => {
      newer.push(join(root, `agent-${newer.length + 2}.sock`));
      await run(process.execPath, [program, 'start', root, newer.at(-1) ?? '']);
      return child.exitCode;
    };
    await expect.poll(askAgain, { timeout: 30_000, interval: 1_000 }).toBe(0);
    for (const at of [socket, ...newer]) await end(at);
  });

  it('removes what others left that do not run, and leaves alone what does', async () => {
    const place = (...names: string[]) => Promise.all(names.map((name) => writeFile(join(root, name), '')));
    await copyFile(program, join(root, 'agent-bb.mjs'));
    await run(process.execPath, [join(root, 'agent-bb.mjs'), 'start', root, join(root, 'agent-bb.sock')]);
    const busy = await caller(join(root, 'agent-bb.sock'));
    busy.say(command('works', 'sleep 20'));
    await place('agent-aa.mjs', 'agent-aa.sock', 'agent-aa.sock.lock', 'agent-ab.sock', 'node-aa', 'notes.txt');
    await place('agent-ac.mjs.77', 'node-ad.78', 'agent-ae.mjs.79');
    for (const name of ['agent-ac.mjs.77', 'node-ad.78']) await utimes(join(root, name), 1, 1);
    await run(process.execPath, [program, 'start', root, socket]);
    const runs = ['agent-0.sock', 'agent-0.sock.lock', 'agent-bb.mjs', 'agent-bb.sock', 'agent-bb.sock.lock'];
    const kept = [...runs, 'agent-ae.mjs.79', 'agent.mjs', 'log', 'node-aa', 'notes.txt'];
    // A lock goes only at the start after the one that took its program.
    expect(readdirSync(root).sort()).toEqual([...kept, 'agent-aa.sock.lock'].sort());
    await end(socket);
    await run(process.execPath, [program, 'start', root, socket]);
    expect(readdirSync(root).sort()).toEqual([...kept].sort());
    busy.say({ kind: 'cancel', id: 'works' });
    await expect.poll(() => results(busy.heard), { timeout: 30_000 }).toHaveLength(1);
    busy.leave();
    await end(join(root, 'agent-bb.sock'));
    await end(socket);
  });

  it('is one, however many start it at once', async () => {
    await Promise.all([1, 2, 3].map(() => run(process.execPath, [program, 'start', root, socket])));
    const words = (await run('ps', ['-eo', 'args'])).stdout.split('\n');
    expect(words.filter((line) => line.includes(`serve ${root}`) && !line.startsWith('flock'))).toHaveLength(1);
    await end(socket);
  });

  /** Asked to make way by its only caller, it does. */
  async function end(at: string): Promise<void> {
    if (!existsSync(at)) return;
    const last = await caller(at);
    last.say({ kind: 'retire' });
    await expect.poll(() => existsSync(at), { timeout: 30_000 }).toBe(false);
  }
});
