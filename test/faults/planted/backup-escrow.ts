import { randomBytes } from 'node:crypto';
import { changedFile } from '../changed-file.ts';
import type { Fault } from '../fault.ts';

export const backupEscrow: Fault = {
  name: 'a backup that the escrowed key does not open',
  plants: 'the escrowed passphrase of the backups is another one',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [
    { step: 'A.2/keys', objectives: ['escrow'] },
    { step: 'A.2/backup', problem: /could not be restored/ },
  ],
  mayTurnRed: [],
  staysGreen: [],
  plant: changedFile(
    ({ production }) => `${production.escrowFolder}/backup-passphrase`,
    () => randomBytes(32).toString('hex'),
  ),
};
