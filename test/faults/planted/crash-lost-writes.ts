import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const crashLostWrites: Fault = {
  name: 'acknowledges before it commits',
  plants: 'a write is answered 201 half a second before it is in the database',
  needs: 'staging',
  pace: 'seconds',
  mustTurnRed: [{ step: 'B.2/application-crash', objectives: ['lost'] }],
  mayTurnRed: [],
  staysGreen: ['B.1/twin'],
  plant: switchedOn({ writes: 'acknowledged before they are committed' }),
};
