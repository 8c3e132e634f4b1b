import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const latencyErrors: Fault = {
  name: 'one answer in fifty is an error',
  plants: 'every 50th request is answered 500',
  needs: 'preflight',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.1/latency', objectives: ['errors'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: switchedOn({ everyNthFails: 50 }),
};
