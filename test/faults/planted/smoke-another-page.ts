import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const smokeAnotherPage: Fault = {
  name: 'another page',
  plants: 'the front page answers 200 with something else on it',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [
    { step: 'A.2/candidate', objectives: ['smoke'] },
    { step: 'A.2/smoke', objectives: ['failing'] },
  ],
  mayTurnRed: [],
  staysGreen: ['A.2/keys'],
  plant: switchedOn({ page: 'another' }),
};
