import type { Database } from '../../../src/config/app.ts';
import type { Fault } from '../fault.ts';
import { withApp } from '../ground.ts';
import { given } from '../switched-on.ts';

export const migrationNoWayBack: Fault = {
  name: 'no way back',
  plants: 'the app declares no migration down',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/migrations', objectives: ['reversible'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: given((world) => withApp(world, { database: withoutWayBack(world.app.database) })),
};

const withoutWayBack = (database: Database | undefined): Database | undefined =>
  database?.migrations && { ...database, migrations: { ...database.migrations, down: undefined } };
