import { withDatabase } from '../../../src/environments/database-access.ts';
import type { Fault } from '../fault.ts';

export const restoreDiffers: Fault = {
  name: 'rows that no backup holds',
  plants: 'the app keeps rows in an unlogged table',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/restore', objectives: ['differing'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: async ({ world, attempt }) => {
    const environment = await world.preflight(attempt());
    const run = (sql: string) => withDatabase(environment, 'app', (client) => client.query(sql));
    await run('CREATE UNLOGGED TABLE drafts AS SELECT generate_series(1, 100) AS n');
    return { world, unplant: async () => void (await run('DROP TABLE drafts')) };
  },
};
