import { randomBytes } from 'node:crypto';
import { changedFile } from '../changed-file.ts';
import type { Fault } from '../fault.ts';

export const keysOtherCopy: Fault = {
  name: 'an escrowed copy that opens nothing',
  plants: 'the escrowed data key is another key',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/keys', objectives: ['escrow'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: changedFile(
    ({ production }) => `${production.escrowFolder}/data-key`,
    () => randomBytes(32).toString('hex'),
  ),
};
