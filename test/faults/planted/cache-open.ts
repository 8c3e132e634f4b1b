import { tellCache } from '../../../src/environments/cache-access.ts';
import { ownSecret } from '../../../src/environments/secrets.ts';
import type { Fault } from '../fault.ts';

export const cacheOpen: Fault = {
  name: 'a cache that anybody may use',
  plants: 'the password is taken off the running server',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/cache', objectives: ['strangers'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const password = await ownSecret(world.production, 'redis');
    await tellCache(world.production, 'CONFIG', 'SET', 'requirepass', '');
    return {
      world,
      unplant: async () => void (await tellCache(world.production, 'CONFIG', 'SET', 'requirepass', password)),
    };
  },
};
