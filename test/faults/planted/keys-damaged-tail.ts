import { changedFile } from '../changed-file.ts';
import type { Fault } from '../fault.ts';

export const keysDamagedTail: Fault = {
  name: 'an escrowed copy with a damaged end',
  plants: 'the last byte of the escrowed copy of a long secret is changed',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/keys', objectives: ['escrow'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: changedFile(
    ({ production }) => `${production.escrowFolder}/app-seal`,
    (text) => `${text.slice(0, -2)}${text.endsWith('00') ? '01' : '00'}`,
  ),
};
