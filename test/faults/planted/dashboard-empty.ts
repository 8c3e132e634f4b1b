import { passwordOf, withDatabase } from '../../../src/environments/database-access.ts';
import type { Fault } from '../fault.ts';

export const dashboardEmpty: Fault = {
  name: 'an empty panel',
  plants: 'the exporter of Postgres cannot log in',
  needs: 'monitoring',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.3/dashboard', objectives: ['empty'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const set = (password: string) =>
      withDatabase(world.production, 'superuser', (client) =>
        client.query(`ALTER ROLE monitoring PASSWORD ${client.escapeLiteral(password)}`),
      );
    await set('another one');
    await withDatabase(world.production, 'superuser', (client) =>
      client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'monitoring'"),
    );
    return { world, unplant: async () => void (await set(await passwordOf(world.production, 'monitoring'))) };
  },
};
