import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const latencyPageGone: Fault = {
  name: 'a page that the load asks for is gone',
  plants: 'the front page answers 404, fast',
  needs: 'preflight',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.1/latency', objectives: ['errors'] }],
  mayTurnRed: ['A.1/headers'],
  staysGreen: ['A.1/health'],
  plant: switchedOn({ page: 'gone' }),
};
