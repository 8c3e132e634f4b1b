import { changed } from '../changed.ts';
import type { Fault } from '../fault.ts';

export const rulesBlindPromtool: Fault = {
  name: 'rule tests that never fail',
  plants: 'a promtool that accepts everything stands in the place of the real one',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.3/rules', objectives: ['surviving'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const { production } = world;
    const place = { ...production.runtime.place, program: () => '/bin/true' };
    const runtime = changed(production.runtime, { place });
    return { world: { ...world, production: { ...production, runtime } }, unplant: async () => undefined };
  },
};
