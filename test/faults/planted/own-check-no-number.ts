import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const ownCheckNoNumber: Fault = {
  name: 'an own check without a number',
  plants: "the team's check prints a sentence",
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/check-letters', objectives: ['letters'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: switchedOn({ ownCheck: 'all is well' }),
};
