import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const switchPageGone: Fault = {
  name: 'a page that is gone after the switch',
  plants: 'the front page answers 404',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [
    { step: 'A.2/switch', objectives: ['failed'] },
    { step: 'A.2/smoke', objectives: ['failing'] },
  ],
  mayTurnRed: [],
  staysGreen: ['A.2/keys'],
  plant: switchedOn({ page: 'gone' }),
};
