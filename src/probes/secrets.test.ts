import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SecretScan, scanForSecrets } from './secrets.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdpoint-secrets-'));
});
afterEach(() => rm(directory, { recursive: true }));

// Made up on each run, so that no scan of this repository stumbles over it.
const token = () => `${['gh', 'p_'].join('')}${randomBytes(18).toString('hex')}`;
const inDirectory = (...parameters: string[]) =>
  execFileSync('git', parameters, { cwd: directory, encoding: 'utf8' }).trim();

function commit(message: string): string {
  inDirectory('add', '-A');
  inDirectory(
    '-c',
    'user.name=a',
    '-c',
    'user.email=a@localhost',
    '-c',
    'commit.gpgsign=false',
    'commit',
    '-qm',
    message,
  );
  return inDirectory('rev-parse', 'HEAD');
}

async function scanned(options = {}): Promise<SecretScan> {
  const result = await scanForSecrets(directory, options);
  if (result.kind === 'cannot tell') throw new Error(result.reason);
  return result;
}

describe('hidden secrets', () => {
  it('are found in a tracked file and in a history that deleted them, with file, line and commit, and never shown', async () => {
    const [now, gone] = [token(), token()];
    inDirectory('init', '-q');
    await writeFile(join(directory, 'README.md'), 'nothing here\n');
    await mkdir(join(directory, 'conf dir'));
    await writeFile(join(directory, 'conf dir/old.env'), `A=1\nB=2\nT=${gone}\n`);
    const first = commit('with a secret');
    await rm(join(directory, 'conf dir/old.env'));
    commit('without it');
    await writeFile(join(directory, 'now.yaml'), `token: ${now}\n`);
    const last = commit('with another');
    await writeFile(join(directory, 'untracked.env'), `T=${token()}\n`);

    const result = await scanned();
    const found = result.findings.map(({ file, line, where }) => [
      file,
      line,
      where.kind === 'history' ? where.commit : where.kind,
    ]);
    expect(found).toEqual(
      expect.arrayContaining([
        ['now.yaml', 1, 'working tree'],
        ['now.yaml', 1, last],
        ['conf dir/old.env', 3, first],
      ]),
    );
    expect(found).toHaveLength(3);
    expect(result).toMatchObject({ filesScanned: 2, blobsScanned: 3, history: 'scanned', notScanned: [] });
    for (const secret of [now, gone]) expect(JSON.stringify(result)).not.toContain(secret.slice(4));
  });

  it('are found in a merged branch that added and removed them, below the app alone, named from there', async () => {
    const app = join(directory, 'apps/shop');
    await mkdir(app, { recursive: true });
    inDirectory('init', '-q', '-b', 'trunk');
    await writeFile(join(app, 'a'), 'a\n');
    await writeFile(join(directory, 'not-the-shop.env'), `T=${token()}\n`);
    commit('the shop and a neighbour');
    inDirectory('switch', '-qc', 'side');
    await writeFile(join(app, 'side.env'), `T=${token()}\n`);
    const added = commit('added');
    await rm(join(app, 'side.env'));
    commit('removed');
    inDirectory('switch', '-q', 'trunk');
    await writeFile(join(app, 'a'), 'b\n');
    commit('meanwhile');
    inDirectory('-c', 'user.name=a', '-c', 'user.email=a@localhost', 'merge', '-q', '--no-ff', '-m', 'merged', 'side');
    inDirectory('branch', '-qD', 'side');
    const result = await scanForSecrets(app);
    expect(result).toMatchObject({ kind: 'scanned', filesScanned: 1 });
    if (result.kind === 'scanned')
      expect(result.findings.map(({ file, where }) => [file, where.kind === 'history' && where.commit])).toEqual([
        ['side.env', added],
      ]);
  });

  it('are looked for in all files where there is no git', async () => {
    await writeFile(join(directory, 'a.env'), `T=${token()}\n`);
    const result = await scanned();
    expect(result).toMatchObject({
      filesScanned: 1,
      blobsScanned: 0,
      history: 'none',
      findings: [{ file: 'a.env', line: 1 }],
    });
  });

  it('cannot hide in what was not looked at without its being listed', async () => {
    await writeFile(join(directory, 'large.txt'), 'x'.repeat(2_000));
    await writeFile(join(directory, 'binary'), Buffer.from([1, 0, 2]));
    await symlink('/etc/hostname', join(directory, 'link'));
    const { notScanned, filesScanned } = await scanned({ sizeLimitBytes: 1_000 });
    expect(filesScanned).toBe(0);
    expect(notScanned.map(({ file }) => file).toSorted()).toEqual(['binary', 'large.txt', 'link']);
  });

  it('cannot be told in a repository that git cannot read', async () => {
    inDirectory('init', '-q');
    await writeFile(join(directory, 'a'), 'a');
    commit('a');
    await rm(join(directory, '.git/objects'), { recursive: true });
    await mkdir(join(directory, '.git/objects'));
    expect((await scanForSecrets(directory)).kind).toBe('cannot tell');
  });
});
