import { talkToCache } from '../../../src/environments/cache-access.ts';
import { ownSecret } from '../../../src/environments/secrets.ts';
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
    const password = await ownSecret(world.production, 'redis');
    const run = (...command: string[]) => talkToCache(world.production, [['AUTH', password], command]);
    await run('ACL', 'SETUSER', 'default', '-set');
    return { world, unplant: async () => void (await run('ACL', 'SETUSER', 'default', '+set')) };
  },
};
