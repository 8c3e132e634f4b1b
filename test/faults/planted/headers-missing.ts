import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const headersMissing: Fault = {
  name: 'no security headers',
  plants: 'the pages are sent without one security header',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/headers', objectives: ['missing'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: switchedOn({ headers: 'none' }),
};
