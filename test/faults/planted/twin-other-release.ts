import { cp, rm } from 'node:fs/promises';
import type { Digest } from '../../../src/evidence/units.ts';
import type { Unit } from '../../../src/runtimes/unit.ts';
import { standUp } from '../../../src/tracks/stand-up.ts';
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
    const next = { ...old, folder: `${folder}/next-release`, digest: `sha256:${'0'.repeat(64)}` as Digest };
    await cp(old.folder, next.folder, { recursive: true });
    const runtime = new Proxy(staging.runtime, {
      get(target, name) {
        if (name === 'start') return (unit: Unit) => (unit.role === 'agent' ? Promise.resolve() : target.start(unit));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
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
