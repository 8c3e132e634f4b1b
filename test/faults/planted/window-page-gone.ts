import { setTimeout as sleep } from 'node:timers/promises';
import { seconds } from '../../../src/evidence/units.ts';
import type { Fault } from '../fault.ts';

export const windowPageGone: Fault = {
  name: 'a page that goes away in the middle of the window',
  plants: 'the front page answers 404 from 20 s on in a window of 60 s',
  needs: 'monitoring',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.4/window', objectives: ['client-errors'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world, tellApp }) => {
    const gone = (async () => {
      await sleep(20_000);
      await tellApp({ page: 'gone' });
    })();
    return {
      world: { ...world, window: { ...world.window, length: seconds(60) } },
      unplant: async () => {
        await gone;
        await tellApp({});
      },
    };
  },
};
