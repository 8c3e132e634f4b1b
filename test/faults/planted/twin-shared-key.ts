import { ownSecret, secretsFolder } from '../../../src/environments/secrets.ts';
import { changedFile } from '../changed-file.ts';
import type { Fault } from '../fault.ts';

export const twinSharedKey: Fault = {
  name: 'staging has a key of production',
  plants: 'the data key of production is copied to staging',
  needs: 'staging',
  pace: 'seconds',
  mustTurnRed: [{ step: 'B.1/twin', objectives: ['shared'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async (ground) => {
    const { production, staging } = ground.world;
    if (!staging) throw new Error('the app has no staging');
    const key = await ownSecret(production, 'data-key');
    return changedFile(
      () => `${secretsFolder(staging)}/data-key`,
      () => key,
    )(ground);
  },
};
