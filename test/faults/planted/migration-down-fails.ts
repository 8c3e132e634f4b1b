import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const migrationDownFails: Fault = {
  name: 'a way back that fails',
  plants: 'the migration down ends with status 1',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/migrations', objectives: ['failing'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: switchedOn({ migration: 'down' }),
};
