import { setTimeout as sleep } from 'node:timers/promises';
import { bringUpMonitoring } from '../../../src/environments/monitoring.ts';
import { seconds } from '../../../src/evidence/units.ts';
import type { Fault } from '../fault.ts';

export const windowGap: Fault = {
  name: 'a window that nobody watched for a while',
  plants: 'Prometheus is stopped for 40 s in the middle of a window of 90 s',
  needs: 'monitoring',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.4/window', objectives: ['coverage', 'longest-gap'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const { window } = world;
    const gap = (async () => {
      await sleep(25_000);
      await world.production.runtime.stop('prometheus');
      await sleep(40_000);
      await bringUpMonitoring(world.production);
    })();
    return {
      world: { ...world, window: { ...window, length: seconds(90) } },
      unplant: () => gap,
    };
  },
};
