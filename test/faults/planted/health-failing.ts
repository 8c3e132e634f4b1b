import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const healthFailing: Fault = {
  name: 'health fails',
  plants: 'the health route answers 503',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/health', objectives: ['failing'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/headers', 'A.1/tls'],
  plant: switchedOn({ health: 'failing' }),
};
