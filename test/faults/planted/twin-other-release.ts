import { cp, rm } from 'node:fs/promises';
import type { Digest } from '../../../src/evidence/units.ts';
import type { Unit } from '../../../src/runtimes/unit.ts';
import { standUp } from '../../../src/tracks/stand-up.ts';
import { changed } from '../changed.ts';
import type { Fault } from '../fault.ts';

export const twinOtherRelease: Fault = {
  name: 'staging runs another release',
  plants: 'the agents of staging are not replaced when the next release comes',
  needs: 'staging',
  pace: 'seconds',
  mustTurnRed: [{ step: 'B.1/twin', objectives: ['other-release'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world, attempt, folder }) => {
    const { staging } = world;
    if (!staging) throw new Error('the app has no staging');
    const old = await world.release();
    const other = `sha256:${'0'.repeat(64)}` as Digest;
    const next = { ...old, folder: `${folder}/next-release`, digest: other, tree: other };
    await cp(old.folder, next.folder, { recursive: true });
    const { runtime: sound } = staging;
    const start = async (unit: Unit) => (unit.role === 'agent' ? undefined : sound.start(unit));
    const runtime = changed(sound, { start });
    return {
      world: { ...world, staging: { ...staging, runtime }, release: async () => next },
      unplant: async () => {
        await standUp(staging, {
          release: old,
          signal: attempt().signal,
          clock: world.clock,
          progress: () => undefined,
        });
        await rm(next.folder, { recursive: true, force: true });
      },
    };
  },
};
