import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const windowNoBucket: Fault = {
  name: 'a histogram without a bucket at the objective',
  plants: "the app's own response times have no bucket that ends at 200 ms",
  needs: 'monitoring',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.4/window', objectives: ['latency'] }],
  mayTurnRed: [],
  staysGreen: ['A.2/smoke'],
  plant: switchedOn({ ownCount: 'coarse' }),
};
