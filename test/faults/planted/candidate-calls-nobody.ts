import { doorsToNobody } from '../doors-to-nobody.ts';
import type { Fault } from '../fault.ts';

export const candidateCallsNobody: Fault = {
  name: 'a candidate that reaches no other service',
  plants: 'in production the addresses that services are told lead to nobody',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [
    { step: 'A.2/candidate', objectives: ['unreachable'] },
    { step: 'A.2/agents', objectives: ['unreachable'] },
  ],
  mayTurnRed: [],
  staysGreen: ['A.2/smoke'],
  plant: doorsToNobody(async (ground) => ground.world.production),
};
