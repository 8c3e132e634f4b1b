import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Fault } from './fault.ts';
import { withApp } from './ground.ts';

const run = promisify(execFile);
const AUTHOR = ['-c', 'user.name=fault', '-c', 'user.email=fault@example.test'];

/** The app in a git repository of its own, into which a private key was committed, and from which it may be gone again. */
export const privateKeyIn =
  (where: 'a file' | 'the history alone'): Fault['plant'] =>
  async (ground) => {
    const root = await mkdtemp(join(ground.folder, 'repository-'));
    const git = (...words: string[]) => run('git', ['-C', root, ...AUTHOR, ...words]);
    await cp(ground.world.app.root, root, { recursive: true });
    await git('init', '--quiet');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(join(root, 'deploy.pem'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
    await git('add', '--all');
    await git('commit', '--quiet', '--message', 'everything');
    if (where === 'the history alone') {
      await git('rm', '--quiet', 'deploy.pem');
      await git('commit', '--quiet', '--message', 'the key was not meant to be there');
    }
    return {
      world: withApp(ground.world, { root }),
      unplant: () => rm(root, { recursive: true, force: true }),
    };
  };
