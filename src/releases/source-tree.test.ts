import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyTree, sourceTree, wholeTree } from './source-tree.ts';

let root: string;
const at = (...path: string[]) => join(root, ...path);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hp-'));
  await mkdir(at('src'));
  await writeFile(at('src', 'main.js'), 'main');
  await writeFile(at('run.sh'), 'run');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const digest = async (ignore: readonly string[] = []) => (await sourceTree(root, ignore)).digest;
const paths = async (ignore: readonly string[] = []) => (await sourceTree(root, ignore)).files.map((f) => f.path);

describe('the digest of a source tree', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['the content of a file', () => writeFile(at('src', 'main.js'), 'niam')],
    ['whether a file can be executed', () => chmod(at('run.sh'), 0o755)],
    ['the name of a file', () => rename(at('run.sh'), at('start.sh'))],
    ['a file that is new', () => writeFile(at('new'), '')],
    ['a file that is gone', () => rm(at('run.sh'))],
    ['a file that is a link now', () => rm(at('run.sh')).then(() => symlink('src/main.js', at('run.sh')))],
  ])('changes with %s', async (_, change) => {
    const before = await digest();
    await change();
    expect(await digest()).not.toBe(before);
  });

  it('does not change with times, with rights that are no part of it, or with where the tree lies', async () => {
    const before = await digest();
    await utimes(at('run.sh'), 1, 1);
    await chmod(at('run.sh'), 0o600);
    expect(await digest()).toBe(before);
    const moved = `${root}-moved`;
    await rename(root, moved);
    root = moved;
    expect(await digest()).toBe(before);
  });

  it('tells apart names and contents that run together', async () => {
    await writeFile(at('ab'), 'c');
    const before = await digest();
    await rm(at('ab'));
    await writeFile(at('a'), 'bc');
    expect(await digest()).not.toBe(before);
  });
});

describe('a source tree', () => {
  it('leaves out what version control, package managers and Holdpoint leave there', async () => {
    for (const folder of ['node_modules', '.git', '__pycache__', 'launch', 'src/node_modules']) {
      await mkdir(at(folder), { recursive: true });
      await writeFile(at(folder, 'file'), '');
    }
    expect(await paths()).toEqual(['run.sh', 'src/main.js']);
  });

  it('keeps a folder called launch that is not beside holdpoint.yaml', async () => {
    await mkdir(at('src', 'launch'));
    await writeFile(at('src', 'launch', 'rocket.js'), '');
    expect(await paths()).toContain('src/launch/rocket.js');
  });

  it('leaves out what the app says, and nothing whose name only begins so', async () => {
    await writeFile(at('src-notes'), '');
    expect(await paths(['src/'])).toEqual(['run.sh', 'src-notes']);
  });

  it('respects .gitignore, and has files that nobody has added yet', async () => {
    execFileSync('git', ['init', '-q', root]);
    await writeFile(at('.gitignore'), 'secrets\n*.log\n');
    await writeFile(at('secrets'), 'canary');
    await writeFile(at('src', 'a.log'), '');
    expect(await paths()).toEqual(['.gitignore', 'run.sh', 'src/main.js']);
  });

  it('without any file is a problem, not an empty release', async () => {
    await expect(sourceTree(root, ['src', 'run.sh'])).rejects.toMatchObject({ problem: { kind: 'input' } });
  });

  it('is the same tree where it is copied to', async () => {
    await chmod(at('run.sh'), 0o755);
    await symlink('src/main.js', at('main'));
    const source = await sourceTree(root, []);
    const copy = `${root}-copy`;
    try {
      await copyTree(source, copy);
      expect((await wholeTree(copy)).digest).toBe(source.digest);
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});
