import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const smokeBroken: Fault = {
  name: 'a page that is broken',
  plants: 'readiness is green, and the front page answers 500',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [
    { step: 'A.2/candidate', objectives: ['smoke'] },
    { step: 'A.2/smoke', objectives: ['failing'] },
    { step: 'A.2/switch', objectives: ['failed'] },
  ],
  mayTurnRed: [],
  staysGreen: ['A.2/keys'],
  plant: switchedOn({ page: 'broken' }),
};
