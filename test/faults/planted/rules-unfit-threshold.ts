import type { Fault } from '../fault.ts';
import { withApp } from '../ground.ts';
import { given } from '../switched-on.ts';

export const rulesUnfitThreshold: Fault = {
  name: 'a rule that can never fire',
  plants: 'the error rate is to be above 100 %',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.3/rules', objectives: ['failing'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: given((world) =>
    withApp(world, {
      alerts: world.app.alerts.map((a) => (a.metric === 'error-rate' ? { ...a, threshold: 100 } : a)),
    }),
  ),
};
