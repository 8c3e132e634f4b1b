import type { Fault } from '../fault.ts';
import { privateKeyIn } from '../repository.ts';

export const secretInFile: Fault = {
  name: 'a secret in a file',
  plants: 'a private key is committed',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/secrets', objectives: ['found'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: privateKeyIn('a file'),
};
