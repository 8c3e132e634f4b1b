import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const readinessBlind: Fault = {
  name: 'blind readiness',
  plants: 'readiness answers 200 without asking the database',
  needs: 'preflight',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.1/readiness', objectives: ['blind'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: switchedOn({ readiness: 'blind' }),
};
