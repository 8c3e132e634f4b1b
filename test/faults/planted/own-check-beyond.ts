import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const ownCheckBeyond: Fault = {
  name: 'an own check beyond its threshold',
  plants: "the team's check prints 12, and less than 10 is asked",
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/check-letters', objectives: ['letters'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: switchedOn({ ownCheck: '12' }),
};
