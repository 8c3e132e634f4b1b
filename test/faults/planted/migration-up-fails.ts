import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const migrationUpFails: Fault = {
  name: 'a migration that fails in production',
  plants: 'the migration up ends with status 1',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/migrate', problem: /migration failed/ }],
  mayTurnRed: [],
  staysGreen: ['A.2/smoke'],
  plant: switchedOn({ migration: 'up' }),
};
