import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const windowTargetDown: Fault = {
  name: 'a window in which a target was never up',
  plants: 'the metrics route answers 500 the whole window',
  needs: 'monitoring',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.4/window', objectives: ['coverage', 'longest-gap'] }],
  mayTurnRed: [],
  staysGreen: ['A.2/smoke'],
  plant: switchedOn({ metrics: 'failing' }),
};
