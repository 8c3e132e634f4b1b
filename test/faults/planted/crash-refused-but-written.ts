import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const crashRefusedButWritten: Fault = {
  name: 'refuses what it has written',
  plants: 'a write is in the database and answered 409',
  needs: 'staging',
  pace: 'minutes',
  mustTurnRed: [{ step: 'B.2/application-crash', objectives: ['unexpected'] }],
  mayTurnRed: [],
  staysGreen: ['B.1/twin'],
  plant: switchedOn({ writes: 'committed but refused' }),
};
