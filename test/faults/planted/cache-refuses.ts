import { tellCache } from '../../../src/environments/cache-access.ts';
import type { Fault } from '../fault.ts';

export const cacheRefuses: Fault = {
  name: 'a cache that takes no entry',
  plants: 'the user of the app may not SET any more',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/cache', objectives: ['entries', 'strangers'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    await tellCache(world.production, 'ACL', 'SETUSER', 'default', '-set');
    return {
      world,
      unplant: async () => void (await tellCache(world.production, 'ACL', 'SETUSER', 'default', '+set')),
    };
  },
};
