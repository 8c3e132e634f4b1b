import type { Fault } from '../fault.ts';
import { privateKeyIn } from '../repository.ts';

export const secretInHistory: Fault = {
  name: 'a secret in the history',
  plants: 'a private key was committed and deleted again',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/secrets', objectives: ['found'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: privateKeyIn('the history alone'),
};
