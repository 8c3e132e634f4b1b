import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const testsFailing: Fault = {
  name: "the app's tests fail",
  plants: 'the test command ends with status 1',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'C.1/tests', objectives: ['failing'] }],
  mayTurnRed: [],
  staysGreen: ['C.1/build'],
  plant: switchedOn({ tests: 'failing' }),
};
