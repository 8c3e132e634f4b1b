import type { Fault } from '../fault.ts';
import { switchedOn } from '../switched-on.ts';

export const windowOwnErrors: Fault = {
  name: "errors that the load balancer's log does not show",
  plants: "the app's own metrics count 5 % errors, and each is answered 200",
  needs: 'monitoring',
  pace: 'minutes',
  mustTurnRed: [{ step: 'A.4/window', objectives: ['error-rate'] }],
  mayTurnRed: [],
  staysGreen: ['A.2/smoke'],
  plant: switchedOn({ ownCount: 'gloomy' }),
};
