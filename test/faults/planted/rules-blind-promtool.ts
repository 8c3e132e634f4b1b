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
    const runtime: typeof production.runtime = Object.create(production.runtime, {
      place: { value: { ...production.runtime.place, program: () => '/bin/true' } },
    });
    return { world: { ...world, production: { ...production, runtime } }, unplant: async () => undefined };
  },
};
