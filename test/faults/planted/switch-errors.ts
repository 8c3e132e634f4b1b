import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const switchErrors: Fault = {
  name: 'errors while the traffic switches',
  plants: 'every 50th request is answered 500',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/switch', objectives: ['failed'] }],
  mayTurnRed: ['A.2/smoke'],
  staysGreen: ['A.2/keys'],
  plant: switchedOn({ everyNthFails: 50 }),
};
