import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { days, instant, isDigest, seconds, systemClock } from '../../evidence/units.ts';
import { localHost } from '../../hosts/local.ts';
import { UnitRecords } from '../process/records.ts';
import type { Unit } from '../unit.ts';
import { Trees } from './trees.ts';

const name = (release: string) => createHash('sha256').update(release).digest('hex');
const [first, second, third] = [name('first'), name('second'), name('third')];

describe('the trees of releases on another host', () => {
  let root: string;
  let trees: Trees;
  /** Two days on: everything was sent long ago. */
  let later: Trees;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'hp-trees-'));
    trees = new Trees(root);
    later = new Trees(root, () => instant(systemClock() + days(2)));
    for (const each of [first, second, third]) await tree(each);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const tree = (each: string) => mkdir(join(root, 'trees', each, 'bin'), { recursive: true });
  const environment = (id: string) => join(root, 'environments', id);
  const there = async () => (await readdir(join(root, 'trees'))).sort();
  const all = [first, second, third].sort();

  /** As the runtime writes it down before it starts a unit. */
  async function recorded(id: string, release: string): Promise<void> {
    const digest = `sha256:${release}`;
    if (!isDigest(digest)) throw new Error(digest);
    const unit: Unit = {
      name: 'web',
      of: 'toy',
      role: 'web',
      software: { kind: 'tree', folder: '/nowhere', digest, packages: [] },
      command: ['true'],
      mounts: [],
      networks: [],
      environment: {},
      user: 'app',
      ports: [],
      stop: { signal: 'SIGTERM', grace: seconds(1) },
      restart: 'always',
    };
    // One that was taken down comes up again from it.
    await new UnitRecords(localHost(), environment(id)).write({ unit, wanted: 'stopped', order: 1 });
  }

  it('stay while a unit of any environment is recorded with them, however old', async () => {
    await recorded('notes-production-0badcafe', first);
    await recorded('notes-production-0badf00d', second);
    expect(await later.removeUnused(new Set([first, second, third]))).toEqual([third]);
    expect(await there()).toEqual([first, second].sort());
  });

  it('go with the environment that they were sent for, but nobody else’s that are new', async () => {
    expect(await trees.removeUnused(new Set([first]))).toEqual([first]);
    expect(await there()).toEqual([second, third].sort());
    expect([...(await later.removeUnused(new Set()))].sort()).toEqual([second, third].sort());
  });

  it('stay while somebody has said that they are about to be used, for a day', async () => {
    await trees.claim(environment('other'), first);
    expect(await trees.of(environment('other'))).toEqual(new Set([first]));
    expect(await trees.removeUnused(new Set([first]))).toEqual([]);
    expect(await later.removeUnused(new Set([first]))).toContain(first);
  });

  it('stay while a process works in them, whoever started it', async () => {
    const works = spawn('sh', ['-c', 'echo; exec sleep 60'], { cwd: join(root, 'trees', first, 'bin') });
    await once(works.stdout, 'data');
    expect(await trees.removeUnused(new Set([first, second]))).toEqual([second]);
    works.kill('SIGKILL');
    await once(works, 'close');
    expect(await trees.removeUnused(new Set([first]))).toEqual([first]);
  });

  it('all stay where a record cannot be read: what it uses is not known', async () => {
    await recorded('notes-production-0badcafe', first);
    await writeFile(join(environment('notes-production-0badcafe'), 'units/web/record.json'), '{"unit":');
    await expect(later.removeUnused(new Set(all))).rejects.toThrow('damaged');
    expect(await there()).toEqual(all);
  });

  it('come back from a removal that was cut off, where somebody uses them; else it is ended', async () => {
    await recorded('notes-production-0badcafe', first);
    await rm(join(root, 'trees', first), { recursive: true });
    await tree(`${first}.gone.77`);
    await tree(`${name('fourth')}.gone.78`);
    await tree(`${name('fifth')}.part.79`);
    await mkdir(join(root, 'trees', 'of-somebody-else'));
    expect(await trees.removeUnused(new Set())).toEqual([]);
    expect(await there()).toEqual([...all, `${name('fifth')}.part.79`, 'of-somebody-else'].sort());
    expect(existsSync(join(root, 'trees', first, 'bin'))).toBe(true);
    await later.removeUnused(new Set());
    expect(await there()).toEqual([first, 'of-somebody-else'].sort());
  });
});
