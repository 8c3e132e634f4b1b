import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const metricsFailing: Fault = {
  name: 'metrics that cannot be read',
  plants: 'the metrics route answers 500',
  needs: 'monitoring',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.3/watched', objectives: ['down'] }],
  mayTurnRed: ['A.3/dashboard'],
  staysGreen: ['A.2/smoke'],
  plant: switchedOn({ metrics: 'failing' }),
};
