import { withDatabase } from '../../../src/environments/database-access.ts';
import type { Fault } from '../fault.ts';

export const backupDiffers: Fault = {
  name: 'rows that no backup before the migrations holds',
  plants: 'the live database keeps rows in an unlogged table',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/backup', objectives: ['unreadable'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const run = (sql: string) => withDatabase(world.production, 'app', (client) => client.query(sql));
    await run('CREATE UNLOGGED TABLE drafts AS SELECT generate_series(1, 100) AS n');
    return { world, unplant: async () => void (await run('DROP TABLE drafts')) };
  },
};
