import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notRun, temporaryDocker } from '../../test/runtimes/docker-ground.ts';
import { seconds } from '../evidence/units.ts';
import { findEngine } from '../runtimes/docker/engine.ts';
import { namesOf } from '../runtimes/docker/names.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { containerSamples } from './unit-exporter-cgroup.ts';

const found = await findEngine();

describe.skipIf(found.kind === 'none')(`metrics of units in containers${notRun(found)}`, () => {
  if (found.kind === 'none') return;
  const { engine } = found;
  let ground: Awaited<ReturnType<typeof temporaryDocker>>;
  let runtime: Runtime;
  let folder: string;
  beforeAll(async () => {
    ground = await temporaryDocker(engine);
    runtime = ground.runtime;
    folder = await mkdtemp(join(tmpdir(), 'hp-'));
  });
  afterAll(async () => {
    await ground.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('says what a unit uses, how often it began again, and that it is down', async () => {
    const work = 'x=$(head -c 30000000 /dev/zero | tr "\\0" x); i=0; while :; do i=$((i+1)); done';
    await runtime.start({
      name: 'works',
      of: 'toy',
      role: 'agent',
      software: { kind: 'parts' },
      mounts: [],
      networks: ['app'],
      command: ['sh', '-c', work],
      environment: {},
      user: 'app',
      ports: [],
      stop: { signal: 'SIGTERM', grace: seconds(1) },
      restart: 'always',
    });
    const { Id } = await engine.docker.getContainer(namesOf(ground.id).unit('works')).inspect();
    const file = join(folder, 'works.json');
    await writeFile(file, JSON.stringify({ unit: 'works', service: 'toy', container: Id }));
    const look = () => containerSamples(folder)[0];
    const until = async (wanted: (seen: ReturnType<typeof look>) => boolean) => {
      for (let round = 0; round < 200 && !wanted(look()); round++) await sleep(50);
      return look();
    };
    const busy = (seen: ReturnType<typeof look>) =>
      (seen?.usage?.cpuSeconds ?? 0) > 0.3 && (seen?.usage?.memoryBytes ?? 0) > 25_000_000;
    const first = await until(busy);
    expect(first).toMatchObject({ unit: 'works', service: 'toy', restarts: 0 });
    expect(busy(first)).toBe(true);

    // A file that is written at this moment: what was known goes on.
    await writeFile(file, '{"unit":"wor');
    expect(look()).toMatchObject({ unit: 'works', restarts: 0 });

    await runtime.crash('works');
    expect(await until((seen) => seen?.restarts === 1)).toMatchObject({ restarts: 1 });
    await runtime.stop('works');
    expect(look()).toEqual({ unit: 'works', service: 'toy', restarts: 1, usage: undefined });
    await rm(file);
    expect(containerSamples(folder)).toEqual([]);
  });

  it('reads version 2 of control groups as well', async () => {
    // What a kernel with version 2 shows; the one under this test may have version 1.
    const groups = join(folder, 'groups');
    const id = 'f'.repeat(64);
    const group = join(groups, `system.slice/docker-${id}.scope`);
    await mkdir(group, { recursive: true });
    await writeFile(join(groups, 'cgroup.controllers'), 'cpu memory\n');
    await writeFile(join(group, 'cpu.stat'), 'usage_usec 2500000\nuser_usec 1\n');
    await writeFile(join(group, 'memory.current'), '5000\n');
    await writeFile(join(group, 'memory.stat'), 'anon 1\nactive_file 7\ninactive_file 1000\n');
    const named = join(folder, 'named');
    await mkdir(named);
    await writeFile(join(named, 'two.json'), JSON.stringify({ unit: 'two', service: 'toy', container: id }));
    expect(containerSamples(named, groups)).toEqual([
      { unit: 'two', service: 'toy', restarts: 0, usage: { cpuSeconds: 2.5, memoryBytes: 4000 } },
    ]);
  });
});
