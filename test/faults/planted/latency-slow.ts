import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const latencySlow: Fault = {
  name: 'slow answers',
  plants: 'each answer takes 250 ms',
  needs: 'preflight',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.1/latency', objectives: ['latency-p95'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health'],
  plant: switchedOn({ delayMs: 250 }),
};
