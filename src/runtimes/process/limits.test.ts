import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryRuntime } from '../../../test/runtimes/temporary.ts';
import { isDigest, mebibytes, milliseconds, seconds } from '../../evidence/units.ts';
import type { Unit, UnitState } from '../unit.ts';

const hungry = (name: string, script: string): Unit => ({
  name,
  of: 'toy',
  role: 'agent',
  software: { kind: 'parts' },
  command: ['sh', '-c', script],
  mounts: [],
  networks: ['app'],
  environment: { GIVEN: 'word' },
  user: 'app',
  ports: [],
  stop: { signal: 'SIGTERM', grace: seconds(3) },
  restart: 'always',
  memory: mebibytes(40),
});

const digestOf = (text: string) => {
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  if (!isDigest(digest)) throw new Error(digest);
  return digest;
};

const forever = 'while :; do sleep 0.1; done';
/** A shell variable of about that size. */
const takes = (mebi: number) => `x=$(head -c ${mebi * 1_048_576} /dev/zero | tr '\\0' x)`;
const GROUPS = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'];
const groupsOf = (folder: string) => {
  const name = `holdpoint-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  return GROUPS.map((root) => join(root, name)).filter((path) => existsSync(path));
};

describe('the memory limit of a unit on the runtime `process`', () => {
  let subject: Awaited<ReturnType<typeof temporaryRuntime>>;
  beforeAll(async () => {
    subject = await temporaryRuntime();
  });
  afterAll(() => subject.close());

  const until = async (name: string, wanted: (state: UnitState) => boolean): Promise<UnitState> => {
    const deadline = performance.now() + 15_000;
    for (;;) {
      const state = await subject.runtime.inspect(name);
      if (wanted(state) || performance.now() > deadline) return state;
      await sleep(50);
    }
  };

  it('kills the unit that goes over it and says so; one below it lives, as its own user and with its own environment', async (context) => {
    const { runtime } = subject;
    const ability = runtime.abilities['memory-limit'];
    if (ability.kind === 'cannot') return context.skip(ability.because);
    await runtime.start(hungry('modest', `${takes(8)}; id -un; echo "$GIVEN"; ${forever}`));
    await runtime.start({ ...hungry('greedy', `sleep 1.2; ${takes(100)}; ${forever}`), restart: 'never' });
    await runtime.start(hungry('again', `sleep 1.2; ${takes(100)}; ${forever}`));
    expect(await until('greedy', ({ kind }) => kind === 'failed')).toEqual({
      kind: 'failed',
      exit: 'killed: over its memory limit',
      restarts: 0,
    });
    expect(await until('again', (state) => state.kind === 'running' && state.restarts > 0)).toMatchObject({
      kind: 'running',
    });
    expect(await runtime.inspect('modest')).toMatchObject({ kind: 'running', restarts: 0 });
    expect(await runtime.logs('modest', 2)).toEqual([runtime.place.user('app'), 'word']);
    await runtime.crash('modest');
    expect(await until('modest', (state) => state.kind === 'running' && state.restarts > 0)).toMatchObject({
      restarts: 1,
    });
    expect(groupsOf(subject.folder)).toHaveLength(1);
    await runtime.remove('greedy');
    await runtime.destroy();
    expect(groupsOf(subject.folder)).toEqual([]);
  });
});

describe('a unit made of an image', () => {
  it('is refused by the runtime `process`, with what to do', async () => {
    const { runtime, close } = await temporaryRuntime();
    try {
      const image = { ...hungry('image', 'true'), software: { kind: 'image', id: digestOf('image') } } as const;
      await expect(runtime.start(image)).rejects.toMatchObject({
        problem: { kind: 'input', next: expect.stringContaining('runtime: docker') },
      });
      await expect(runtime.partition('image', 'cut')).rejects.toMatchObject({ problem: { kind: 'host' } });
    } finally {
      await close();
    }
  });
});

describe('a command executed in a unit on the runtime `process`', () => {
  it('has its user, environment and folder, both outputs in order, and a time limit', async () => {
    const { runtime, close } = await temporaryRuntime();
    try {
      await runtime.start({
        ...hungry('executes', forever),
        software: { kind: 'tree', folder: '/usr/share', digest: digestOf('tree'), packages: [] },
      });
      await expect
        .poll(() => runtime.execute('executes', ['sh', '-c', 'id -un; echo "$GIVEN" >&2; pwd; exit 4'], seconds(10)))
        .toMatchObject({ kind: 'exited', code: 4, output: `${runtime.place.user('app')}\nword\n/usr/share\n` });
      expect(await runtime.execute('executes', ['sleep', '30'], milliseconds(300))).toMatchObject({
        kind: 'timed-out',
      });
      await runtime.remove('executes');
      expect(await runtime.execute('executes', ['true'], seconds(5))).toMatchObject({ kind: 'lost' });
    } finally {
      await close();
    }
  });
});
