import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const testsNoReport: Fault = {
  name: 'no coverage report',
  plants: 'the tests pass and leave no report',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'C.1/tests', objectives: ['coverage'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: switchedOn({ tests: 'leave no report' }),
};
