import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planFor } from '../../../src/tracks/plan-for.ts';
import type { Fault } from '../fault.ts';

export const candidateNeverReady: Fault = {
  name: 'a release that never becomes ready',
  plants: 'a second release whose readiness answers 503',
  needs: 'production',
  pace: 'minutes',
  mustTurnRed: [
    { step: 'A.2/candidate', objectives: ['not-ready'] },
    { step: 'A.2/switch', objectives: ['failed'] },
  ],
  mayTurnRed: [],
  staysGreen: ['A.2/smoke'],
  plant: async (ground) => {
    const world = await ground.anotherWorld(async (folder) => {
      const server = join(folder, 'server.cjs');
      const text = await readFile(server, 'utf8');
      await writeFile(
        server,
        text.replace('async function ready(fault) {', 'async function ready(fault) {\n  return false;'),
      );
    });
    await world.aim('production');
    const step = planFor(world).steps.find((s) => s.id === 'A.2/release');
    await step?.run(ground.attempt());
    return { world, unplant: () => ground.world.aim('production') };
  },
};
