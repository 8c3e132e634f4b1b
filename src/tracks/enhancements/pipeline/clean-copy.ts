import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { copyTree } from '../../../releases/source-tree.ts';
import type { World } from '../../world.ts';

/** Runs something in a clean copy of the app's source, as a pipeline would get it, and removes the copy again. */
export async function inCleanCopy<T>(world: World, purpose: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(world.scratchFolder, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(world.scratchFolder, `${purpose}-`));
  try {
    await copyTree(await world.checkout('pipeline'), folder);
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
