import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleApp } from '../../test/sample-app.ts';
import type { App, Command } from '../config/app.ts';
import { instant } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import { buildRelease, findRelease } from './build.ts';
import { buildInputs } from './release.ts';
import { sourceTree, wholeTree } from './source-tree.ts';

let root: string;
let source: string;
let folder: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hp-'));
  source = join(root, 'source');
  folder = join(root, 'releases');
  await mkdir(source);
  await writeFile(join(source, 'main.js'), 'main');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A build that leaves a mark outside, each time that it runs. */
const counted = (): Command => ['/bin/sh', '-c', `cp main.js built.js; echo ran >> ${join(root, 'runs')}`];
const runs = async () => (await readFile(join(root, 'runs'), 'utf8').catch(() => '')).split('\n').length - 1;
const app = (...build: Command[]): App => ({ ...sampleApp(), root: source, build });

async function build(described: App, signal: AbortSignal = new AbortController().signal) {
  const settings = {
    host: localHost(),
    folder,
    clock: () => instant(0),
    progress: () => undefined,
    signal,
    images: undefined,
  };
  return buildRelease(described, await sourceTree(source, []), settings);
}
const inputs = async (described: App) => buildInputs(described, await sourceTree(source, []));

describe('a release', () => {
  it('is built once from the same source', async () => {
    const described = app(counted());
    const first = await build(described);
    expect(await build(described)).toEqual(first);
    expect(await runs()).toBe(1);
    expect((await readdir(first.folder)).sort()).toEqual(['built.js', 'main.js']);
    expect(await readdir(source)).toEqual(['main.js']);
  });

  it('is another one with another source or another configuration, and the same one with other objectives', async () => {
    const first = await build(app());
    const otherPort = { ...app(), services: app().services.map((s) => ({ ...s, portVariable: 'HTTP_PORT' })) };
    expect((await build(otherPort)).digest).not.toBe(first.digest);
    expect((await build({ ...app(), alerts: [] })).digest).toBe(first.digest);
    await writeFile(join(source, 'main.js'), 'another');
    expect((await build(app())).digest).not.toBe(first.digest);
  });

  it('that was altered after its build is noticed by its digest', async () => {
    const release = await build(app(counted()));
    expect((await wholeTree(release.folder)).digest).toBe(release.artefact);
    await writeFile(join(release.folder, 'built.js'), 'altered');
    expect((await wholeTree(release.folder)).digest).not.toBe(release.artefact);
  });

  it('is built again where its folder is gone', async () => {
    const described = app(counted());
    const first = await build(described);
    await rm(first.folder, { recursive: true });
    expect(await findRelease(folder, await inputs(described))).toBeUndefined();
    expect((await build(described)).digest).toBe(first.digest);
    expect(await runs()).toBe(2);
  });

  it('stays where it lies when other build commands come to the very same: instances may run from it', async () => {
    const first = await build(app(['/bin/cp', 'main.js', 'built.js']));
    const before = await stat(first.folder);
    const second = await build(app(['/bin/sh', '-c', 'cp main.js built.js']));
    expect(second.folder).toBe(first.folder);
    expect((await stat(second.folder)).ino).toBe(before.ino);
  });
});

describe('a build that does not come to its end', () => {
  it('by itself is a problem with its last lines, and leaves nothing', async () => {
    const described = app(['/bin/sh', '-c', 'echo the reason >&2; exit 3']);
    await expect(build(described)).rejects.toMatchObject({
      problem: { what: expect.stringContaining('ended with exit status 3'), detail: ['the reason'] },
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('because it is cancelled leaves nothing', async () => {
    const described = app(['/bin/sleep', '60']);
    await expect(build(described, AbortSignal.timeout(200))).rejects.toMatchObject({
      problem: { what: expect.stringContaining('was cancelled') },
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('because Holdpoint was killed leaves nothing that looks like a release', async () => {
    const described = app(counted());
    // What lies there after SIGKILL in the middle of a build, and in the middle of writing down a finished one.
    await mkdir(join(folder, 'building-killed'), { recursive: true });
    await writeFile(join(folder, 'building-killed', 'main.js'), 'ma');
    const finished = await build(described);
    const [record] = (await readdir(folder)).filter((name) => name.startsWith('built-from-'));
    if (record === undefined) throw new Error('no record');
    await writeFile(join(folder, record), '{ "digest": "sha256:');
    expect(await findRelease(folder, await inputs(described))).toBeUndefined();
    expect(await build(described)).toEqual(finished);
    expect(await runs()).toBe(2);
  });
});
