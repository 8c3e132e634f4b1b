import { doorsToNobody } from '../doors-to-nobody.ts';
import type { Fault } from '../fault.ts';

export const addressesToNobody: Fault = {
  name: 'addresses that lead nowhere',
  plants: 'every instance is ready, and the addresses that services are told lead to nobody',
  needs: 'preflight',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/addresses', objectives: ['unreachable'] }],
  mayTurnRed: [],
  staysGreen: ['A.1/health', 'A.1/tls'],
  plant: doorsToNobody((ground) => ground.world.preflight(ground.attempt())),
};
