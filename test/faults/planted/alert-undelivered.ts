import { bringUpMonitoring } from '../../../src/environments/monitoring.ts';
import type { Fault } from '../fault.ts';

export const alertUndelivered: Fault = {
  name: 'Alertmanager is stopped',
  plants: 'the unit alertmanager is stopped before an alert is provoked',
  needs: 'monitoring',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.3/alert-delivery', objectives: ['undelivered', 'delivery'] }],
  mayTurnRed: [],
  staysGreen: ['A.2/smoke'],
  plant: async ({ world }) => {
    await world.production.runtime.stop('alertmanager');
    return { world, unplant: () => bringUpMonitoring(world.production) };
  },
};
