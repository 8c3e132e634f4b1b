import { tellCache } from '../../../src/environments/cache-access.ts';
import type { Fault } from '../fault.ts';

export const cacheUnbounded: Fault = {
  name: 'a cache that may outgrow its host',
  plants: 'maxmemory is turned off in the running server',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/cache', objectives: ['settings'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    await tellCache(world.production, 'CONFIG', 'SET', 'maxmemory', '0');
    return {
      world,
      unplant: async () =>
        void (await tellCache(world.production, 'CONFIG', 'SET', 'maxmemory', String(128 * 2 ** 20))),
    };
  },
};
