import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const testsCoverage: Fault = {
  name: 'too little is covered',
  plants: '84 of 100 lines are covered',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'C.1/tests', objectives: ['coverage'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: switchedOn({ coveredLines: 84 }),
};
