import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const healthUndiscerning: Fault = {
  name: 'answers 200 to everything',
  plants: 'every path answers 200 with what the health route says',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/health', objectives: ['undiscerning'] }],
  mayTurnRed: ['A.1/headers', 'A.1/readiness'],
  staysGreen: ['A.1/tls'],
  plant: switchedOn({ anyPath: 'healthy' }),
};
