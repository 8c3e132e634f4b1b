import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noSecondHost, type SecondHost, secondHost } from '../../../test/hosts/second-host.ts';
import { isDigest, seconds } from '../../evidence/units.ts';
import type { SshHost } from '../../hosts/ssh/host.ts';
import type { Runtime } from '../runtime.ts';
import type { Job, Software, Unit } from '../unit.ts';
import { openRemoteProcessRuntime } from './process-runtime.ts';

const counted = (runtime: Runtime, name: string, length: number): Job => ({
  name,
  software: { kind: 'parts' },
  mounts: [{ store: 'data', access: 'write' }],
  networks: [],
  command: ['sh', '-c', `echo start >>${runtime.place.path('data', name)}; sleep ${length}; echo done; exit 5`],
  environment: {},
  user: 'app',
  timeLimit: seconds(120),
});

const serves = (software: Software): Unit => ({
  name: 'serves',
  of: 'toy',
  role: 'agent',
  software,
  command: ['sleep', '300'],
  mounts: [],
  networks: ['app'],
  environment: {},
  user: 'app',
  ports: [],
  stop: { signal: 'SIGTERM', grace: seconds(2) },
  restart: 'always',
});

const starts = async (runtime: Runtime, name: string) =>
  readFile(runtime.place.path('data', name), 'utf8').catch(() => '');

describe.skipIf(noSecondHost !== undefined)('a job over ssh', { timeout: 180_000 }, () => {
  let second: SecondHost;
  beforeAll(async () => {
    second = await secondHost();
  });
  afterAll(() => second.close());

  const open = async (more: Parameters<SecondHost['connect']>[0] = {}): Promise<[SshHost, Runtime]> => {
    const host = await second.connect(more);
    const folder = join(host.root, 'environments/cut');
    const runtime = await openRemoteProcessRuntime({ host, environment: 'cut', folder });
    await runtime.store('data', 'app');
    return [host, runtime];
  };
  const begun = (runtime: Runtime, name: string) =>
    expect.poll(() => starts(runtime, name), { timeout: 30_000 }).toBe('start\n');

  it('starts once, though the line is cut while it runs', async () => {
    const [host, runtime] = await open();
    const end = runtime.job(counted(runtime, 'cut', 22));
    await begun(runtime, 'cut');
    await second.cut();
    await sleep(25_000);
    await second.mend();
    expect(await end).toMatchObject({ kind: 'exited', code: 5, output: 'done\n' });
    expect(await starts(runtime, 'cut')).toBe('start\n');
    await host.close();
  });

  it('is lost with the line, and found again by whoever asks after it is back, even if it has ended meanwhile', async () => {
    const [host, runtime] = await open({ patience: 1_000 });
    const end = runtime.job(counted(runtime, 'lost', 3));
    await begun(runtime, 'lost');
    await second.cut();
    expect(await end).toMatchObject({ kind: 'lost', reason: expect.stringContaining('did not come back') });
    await second.mend();
    await host.close();
    const [later, other] = await open();
    expect(await other.job(counted(other, 'lost', 3))).toMatchObject({ kind: 'exited', code: 5, output: 'done\n' });
    expect(await starts(other, 'lost')).toBe('start\n');
    // Its end was handed over: now it is asked for anew.
    expect(await other.job(counted(other, 'lost', 3))).toMatchObject({ kind: 'exited', code: 5 });
    expect(await starts(other, 'lost')).toBe('start\nstart\n');
    await later.close();
  });

  it('is found again, with its units, by the next agent after the first was killed', async () => {
    const [host, runtime] = await open();
    await runtime.start(serves({ kind: 'parts' }));
    const before = await runtime.inspect('serves');
    const end = runtime.job(counted(runtime, 'killed', 4));
    await begun(runtime, 'killed');
    for (const pid of second.agents()) process.kill(pid, 'SIGKILL');
    expect(await end).toMatchObject({ kind: 'exited', code: 5, output: 'done\n' });
    expect(await starts(runtime, 'killed')).toBe('start\n');
    expect(await runtime.inspect('serves')).toEqual(before);
    expect(second.agents()).toHaveLength(1);
    await runtime.destroy();
    await host.close();
  });

  it("runs in its release's tree, which is sent once, and gone with the last environment that uses it", async () => {
    const [host, runtime] = await open();
    const folder = await mkdtemp(join(tmpdir(), 'hp-tree-'));
    try {
      await chmod(folder, 0o755);
      await mkdir(join(folder, 'bin'));
      await writeFile(join(folder, 'bin/hello'), '#!/bin/sh\necho hello; pwd\n', { mode: 0o755 });
      const digest = `sha256:${createHash('sha256').update(folder).digest('hex')}`;
      if (!isDigest(digest)) throw new Error(digest);
      const software: Software = { kind: 'tree', folder, digest, packages: [] };
      const job: Job = { ...counted(runtime, 'tree', 0), software, command: ['./bin/hello'] };
      const root = runtime.place.root(software);
      expect(root).toBe(join(second.root, 'trees', digest.slice(7)));
      expect(await runtime.job(job)).toMatchObject({ kind: 'exited', code: 0, output: `hello\n${root}\n` });
      // From here on it is there, whatever becomes of it here.
      await rm(folder, { recursive: true });
      expect(await runtime.job(job)).toMatchObject({ kind: 'exited', code: 0 });
      expect(readdirSync(join(second.root, 'trees'))).toEqual([digest.slice(7)]);
      // Of another state directory, say.
      const other = await openRemoteProcessRuntime({
        host,
        environment: 'other',
        folder: join(host.root, 'environments/other'),
      });
      await other.store('data', 'app');
      await other.start(serves(software));
      await runtime.destroy();
      expect(readdirSync(join(second.root, 'trees'))).toEqual([digest.slice(7)]);
      expect(await other.inspect('serves')).toMatchObject({ kind: 'running' });
      await other.destroy();
      expect(readdirSync(join(second.root, 'trees'))).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
      await runtime.destroy();
      await host.close();
    }
  });
});
