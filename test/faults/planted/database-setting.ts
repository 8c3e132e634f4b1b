import { withDatabase } from '../../../src/environments/database-access.ts';
import type { Fault } from '../fault.ts';

export const databaseSetting: Fault = {
  name: 'a commit that does not wait for the disk',
  plants: 'synchronous_commit is turned off in the running server',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/database', objectives: ['settings'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const run = (sql: string) =>
      withDatabase(world.production, 'superuser', async (client) => {
        await client.query(sql);
        await client.query('SELECT pg_reload_conf()');
      });
    await run('ALTER SYSTEM SET synchronous_commit = off');
    return { world, unplant: () => run('ALTER SYSTEM RESET synchronous_commit') };
  },
};
