import { talkToCache } from '../../../src/environments/cache-access.ts';
import { ownSecret } from '../../../src/environments/secrets.ts';
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
    const password = await ownSecret(world.production, 'redis');
    const run = (...command: string[]) => talkToCache(world.production, [['AUTH', password], command]);
    await run('CONFIG', 'SET', 'maxmemory', '0');
    return { world, unplant: async () => void (await run('CONFIG', 'SET', 'maxmemory', String(128 * 2 ** 20))) };
  },
};
