import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const readinessStuck: Fault = {
  name: 'readiness never comes back',
  plants: 'readiness stays red after the database was gone once',
  needs: 'preflight',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.1/readiness', objectives: ['stuck'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/tls'],
  plant: switchedOn({ readiness: 'stuck' }),
};
