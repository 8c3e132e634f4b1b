import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemError } from '../evidence/problem.ts';
import { milliseconds, seconds } from '../evidence/units.ts';
import { findAccount, isRoot } from './accounts.ts';
import { localHost } from './local.ts';

const host = localHost();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdpoint-host-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A process that has ended but was not yet reaped by its new parent counts as ended. */
const alive = (pid: number) => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('running a command', () => {
  it('gives exit code and both outputs, and the lines as they come', async () => {
    const lines: string[] = [];
    const end = await host.run({
      argv: ['sh', '-c', 'echo one; echo two >&2; read x; echo "got $x"; exit 3'],
      input: 'word\n',
      timeLimit: seconds(10),
      onLine: (line) => lines.push(line),
    });
    expect(end).toMatchObject({ kind: 'exited', code: 3, stdout: 'one\ngot word\n', stderr: 'two\n' });
    expect([...lines].sort()).toEqual(['got word', 'one', 'two']);
  });

  it('inherits nothing of the environment but what a command needs', async () => {
    process.env.HOLDPOINT_CANARY = 'secret';
    const end = await host.run({ argv: ['env'], environment: { GIVEN: '1' }, timeLimit: seconds(10) });
    delete process.env.HOLDPOINT_CANARY;
    if (end.kind !== 'exited') throw new Error(end.kind);
    const names = end.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names.sort()).toEqual(['GIVEN', 'HOME', 'LANG', 'LOGNAME', 'PATH', 'USER']);
  });

  it('ends the whole process group when the time is up', async () => {
    const end = await host.run({
      argv: ['sh', '-c', 'sleep 60 & echo $!; wait'],
      timeLimit: milliseconds(1_000),
    });
    expect(end.kind).toBe('timed-out');
    if (end.kind !== 'timed-out') return;
    expect(alive(Number(end.stdout))).toBe(false);
  });

  it('kills what ignores SIGTERM', async () => {
    const controller = new AbortController();
    const end = await host.run(
      {
        argv: ['sh', '-c', 'trap "" TERM; echo $$; while :; do sleep 0.1; done'],
        timeLimit: seconds(30),
        onLine: () => controller.abort(),
      },
      controller.signal,
    );
    expect(end.kind).toBe('cancelled');
    if (end.kind !== 'cancelled') return;
    expect(alive(Number(end.stdout))).toBe(false);
  });

  it('does not wait for a daemon that keeps the pipes open', async () => {
    const end = await host.run({ argv: ['sh', '-c', 'setsid sleep 60 & echo $!'], timeLimit: seconds(30) });
    expect(end).toMatchObject({ kind: 'exited', code: 0 });
    const daemon = end.kind === 'exited' ? Number(end.stdout) : 0;
    expect(alive(daemon)).toBe(true);
    process.kill(daemon, 'SIGKILL');
  });

  it('tells a killed command from one that ended well', async () => {
    expect(await host.run({ argv: ['sh', '-c', 'kill -9 $$'], timeLimit: seconds(10) })).toMatchObject({
      kind: 'exited',
      code: 137,
    });
  });

  it('keeps the end of a long output', async () => {
    const end = await host.run({ argv: ['sh', '-c', 'seq 1 200000; echo last'], timeLimit: seconds(30) });
    if (end.kind !== 'exited') throw new Error(end.kind);
    expect(end.stdout.length).toBeLessThanOrEqual(256 * 1024);
    expect(end.stdout.endsWith('200000\nlast\n')).toBe(true);
  });

  it.each([
    [{ argv: ['no-such-program'] as const }, 'ENOENT'],
    [{ argv: ['true'] as const, directory: '/no/such/folder' }, '/no/such/folder'],
    [{ argv: ['true'] as const, user: 'no-such-user' }, 'no-such-user'],
  ])('says why it did not start: %o', async (command, reason) => {
    const end = await host.run({ ...command, timeLimit: seconds(10) });
    expect(end.kind === 'not-started' && end.reason).toContain(reason);
  });

  it.runIf(isRoot() && findAccount('nobody') !== undefined)('runs as another user without our groups', async () => {
    const end = await host.run({ argv: ['id'], user: 'nobody', timeLimit: seconds(10) });
    expect(end.kind === 'exited' && end.stdout).toMatch(
      /^uid=\d+\(nobody\) gid=\d+\(nogroup\) groups=\d+\(nogroup\)$/m,
    );
  });
});

describe('placing files', () => {
  it('writes mode and content, and leaves no temporary file', async () => {
    const path = join(folder, 'a/b/secret');
    await host.place([{ path, content: 'first', mode: 0o600 }]);
    await host.place([{ path, content: 'second', mode: 0o400 }]);
    expect(await readFile(path, 'utf8')).toBe('second');
    expect((await stat(path)).mode & 0o777).toBe(0o400);
    expect(await readdir(join(folder, 'a/b'))).toEqual(['secret']);
  });

  it('gives a Problem where a part of the path is a file, and leaves that file alone', async () => {
    const path = join(folder, 'file');
    await host.place([{ path, content: 'kept', mode: 0o644 }]);
    await expect(host.place([{ path: join(path, 'below'), content: '', mode: 0o644 }])).rejects.toBeInstanceOf(
      ProblemError,
    );
    expect(await readFile(path, 'utf8')).toBe('kept');
  });

  it('reads nothing where there is nothing', async () => {
    expect(await host.read(join(folder, 'absent'))).toBeUndefined();
  });
});
