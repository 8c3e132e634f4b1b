import { open } from 'node:fs/promises';
import { withDatabase } from '../../../src/environments/database-access.ts';
import { dataStore } from '../../../src/parts/postgres.ts';
import type { Fault } from '../fault.ts';

export const restoreDamaged: Fault = {
  name: 'a damaged page',
  plants: 'some bytes of an index are changed on the disk, and its checksum is not',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/restore', objectives: ['damaged'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: async ({ world, attempt }) => {
    const environment = await world.preflight(attempt());
    const path = await withDatabase(environment, 'superuser', async (client) => {
      await client.query('CREATE TABLE damaged AS SELECT generate_series(1, 5000) AS n');
      await client.query('CREATE INDEX damaged_n ON damaged (n)');
      await client.query('CHECKPOINT');
      const { rows } = await client.query<{ path: string }>("SELECT pg_relation_filepath('damaged_n') AS path");
      return rows[0]?.path ?? '';
    });
    const file = await open(environment.runtime.place.path(dataStore('postgres'), `pgdata/${path}`), 'r+');
    // In the middle of the second page.
    await file.write(Buffer.alloc(64, 0x5a), 0, 64, 8_192 + 4_000);
    await file.sync();
    await file.close();
    return {
      world,
      unplant: () =>
        withDatabase(environment, 'superuser', async (client) => {
          await client.query('DROP TABLE damaged');
          await client.query('CHECKPOINT');
        }),
    };
  },
};
