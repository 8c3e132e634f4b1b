import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';

export const releaseAltered: Fault = {
  name: 'a file is altered after the build',
  plants: 'a line is added to a file of the built release',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/release', objectives: ['altered-files'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const path = join((await world.release()).folder, 'server.cjs');
    const before = await readFile(path);
    await appendFile(path, '// a hotfix by hand\n');
    return { world, unplant: () => writeFile(path, before) };
  },
};
