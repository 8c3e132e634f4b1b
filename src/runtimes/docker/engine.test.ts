import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notRun, temporaryDocker } from '../../../test/runtimes/docker-ground.ts';
import { type OwnEngine, ownEngine } from '../../../test/servers/docker.ts';
import { ProblemError, problemLines } from '../../evidence/problem.ts';
import { milliseconds, seconds } from '../../evidence/units.ts';
import { isRoot } from '../../hosts/accounts.ts';
import { findProgram } from '../../hosts/programs.ts';
import type { Unit } from '../unit.ts';
import { buildFromDockerfile } from './app-images.ts';
import { type Engine, findEngine } from './engine.ts';
import { Images } from './images.ts';

describe('finding an engine', () => {
  const reasonOf = async (settings: Parameters<typeof findEngine>[0]) => {
    const found = await findEngine(settings);
    return found.kind === 'none' ? problemLines(found.problem).join('\n') : 'found';
  };

  it('says that none answers, and where it was asked', async () => {
    const text = await reasonOf({ socket: '/nowhere/docker.sock' });
    expect(text).toContain('no Docker engine answers');
    expect(text).toContain('unix:///nowhere/docker.sock');
    expect(text).toContain('systemctl start docker');
    expect(text).not.toContain('    at ');
  });

  it('takes DOCKER_HOST for an address, and says what is wrong with one that it cannot use', async () => {
    expect(await reasonOf({ variables: { DOCKER_HOST: 'unix:///nowhere/else.sock' } })).toContain('/nowhere/else.sock');
    expect(await reasonOf({ variables: { DOCKER_HOST: 'tcp://127.0.0.1:9' } })).toContain('tcp://127.0.0.1:9');
    expect(await reasonOf({ variables: { DOCKER_HOST: 'ssh://somebody@web1' } })).toContain('holdpoint.yaml');
    expect(await reasonOf({ variables: { DOCKER_HOST: 'nonsense' } })).toContain('DOCKER_HOST is not an address');
  });

  it('takes the context that docker uses', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hp-'));
    try {
      await writeFile(join(folder, 'config.json'), JSON.stringify({ currentContext: 'absent-one' }));
      expect(await reasonOf({ variables: { DOCKER_CONFIG: folder } })).toContain('the docker context absent-one');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says that a user may not use the socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hp-'));
    await chmod(folder, 0o000);
    // Root may use every socket: so as nobody, for a moment.
    if (isRoot()) process.seteuid?.(65_534);
    const text = await reasonOf({ socket: join(folder, 's') }).finally(() => {
      if (process.getuid?.() === 0) process.seteuid?.(0);
    });
    expect(text).toContain('usermod -aG docker');
    await rm(folder, { recursive: true });
  });
});

const machine = await findEngine();
const needs =
  machine.kind === 'none'
    ? notRun(machine)
    : !isRoot() || findProgram('dockerd') === undefined
      ? ' (not run: an engine of the test’s own needs root and dockerd)'
      : '';

const unit: Unit = {
  name: 'lives',
  of: 'toy',
  role: 'agent',
  software: { kind: 'parts' },
  mounts: [{ store: 'data', access: 'write' }],
  networks: ['app'],
  command: ['sh', '-c', 'echo up; while :; do sleep 0.1; done'],
  environment: {},
  user: 'app',
  ports: [],
  stop: { signal: 'SIGTERM', grace: seconds(1) },
  restart: 'always',
};

async function foundAt(socket: string, patience = seconds(60)): Promise<Engine> {
  const found = await findEngine({ socket, patience });
  if (found.kind === 'none') throw new Error(found.reason);
  return found.engine;
}

describe.skipIf(needs !== '')(`an engine that goes away${needs}`, () => {
  let own: OwnEngine;
  let engine: Engine;
  beforeAll(async () => {
    if (machine.kind === 'none') return;
    own = await ownEngine();
    engine = await foundAt(own.socket);
    const { docker } = machine.engine;
    const common = await new Images(machine.engine, () => {}).common();
    const tags = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
    const base = tags.find((tag) => tag.startsWith('holdpoint-base:')) ?? common;
    // The base under the names of both: units of this test need no more than a shell.
    const loaded = await engine.docker.loadImage(await docker.getImage(base).get());
    loaded.resume();
    await new Promise((resolve) => loaded.on('end', resolve));
    const [repo = '', tag = ''] = common.split(':');
    await engine.docker.getImage(base).tag({ repo, tag });
  }, 600_000);
  afterAll(() => own?.close(), 60_000);

  it('is waited for: the call goes on when it is back, units come back by themselves, a job says that it was lost', async () => {
    const ground = await temporaryDocker(engine);
    const told: string[] = [];
    const runtime = await ground.reopen((line) => told.push(line));
    await runtime.store('data', 'app');
    await runtime.start(unit);
    const job = runtime.job({
      name: 'cut-off',
      software: { kind: 'parts' },
      mounts: [{ store: 'data', access: 'write' }],
      networks: [],
      command: ['sh', '-c', ': >/stores/data/begun; sleep 300'],
      environment: {},
      user: 'app',
      timeLimit: seconds(400),
    });
    while ((await runtime.read('data', 'begun')) === undefined) await sleep(50);
    await own.kill();
    const states = runtime.inspect('lives');
    const put = runtime.put([{ store: 'data', path: 'late', content: 'here', mode: 0o600, user: 'app' }]);
    await sleep(500);
    await own.start();
    await states;
    await put;
    expect(told).toContain(`waits for the engine at unix://${own.socket}`);
    expect(Buffer.from((await runtime.read('data', 'late')) ?? []).toString()).toBe('here');
    expect(await job).toMatchObject({ kind: 'lost', reason: expect.stringContaining('ended from outside') });
    for (let round = 0; round < 100; round++) {
      if ((await runtime.inspect('lives')).kind === 'running') break;
      await sleep(100);
    }
    expect(await runtime.inspect('lives')).toMatchObject({ kind: 'running' });
    expect(await runtime.adopt()).toEqual([]);
    await ground.close();
  }, 120_000);

  it('is given up after a while, with what to do', async () => {
    const impatient = await foundAt(own.socket, milliseconds(500));
    const ground = await temporaryDocker(impatient);
    await own.kill();
    try {
      const { runtime } = ground;
      const problem = await runtime.inspect('any').then(
        () => undefined,
        (error: unknown) => (error instanceof ProblemError ? error.problem : error),
      );
      expect(problem).toMatchObject({
        kind: 'host',
        what: expect.stringContaining('no Docker engine answers'),
        next: expect.stringContaining('start it'),
      });
    } finally {
      await own.start();
      await ground.close();
    }
  }, 120_000);
});

describe.skipIf(needs !== '')(`an engine whose disk is full${needs}`, () => {
  it('is said to be full, with how to see what fills it', async () => {
    const own = await ownEngine({ size: 48 });
    const folder = await mkdtemp(join(tmpdir(), 'hp-'));
    try {
      const engine = await foundAt(own.socket);
      await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY large /large\n');
      await writeFile(join(folder, 'large'), randomBytes(64 << 20));
      const problem = await buildFromDockerfile(
        engine,
        'large',
        { context: folder, dockerfile: join(folder, 'Dockerfile'), target: undefined, arguments: {}, secretFiles: [] },
        () => {},
      ).then(
        () => undefined,
        (error: unknown) => (error instanceof ProblemError ? error.problem : error),
      );
      expect(problem).toMatchObject({
        kind: 'host',
        what: expect.stringContaining('the disk of the Docker engine is full'),
        next: expect.stringContaining('docker system df'),
      });
    } finally {
      await rm(folder, { recursive: true });
      await own.close();
    }
  }, 120_000);
});
