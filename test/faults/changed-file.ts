import { readFile, writeFile } from 'node:fs/promises';
import type { World } from '../../src/tracks/world.ts';
import type { Fault } from './fault.ts';

/** Changes a file in place, and puts back what was in it. */
export const changedFile =
  (path: (world: World) => string, change: (text: string) => string | Promise<string>): Fault['plant'] =>
  async ({ world }) => {
    const before = await readFile(path(world), 'utf8');
    await writeFile(path(world), await change(before));
    return { world, unplant: () => writeFile(path(world), before) };
  };
