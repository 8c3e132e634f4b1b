import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { callObjective, callsIn, observeCalls } from '../../addresses.ts';
import { appliesIf } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Each service reaches those that it calls, at the address that it is told. */
export const addresses = (world: World): Step => ({
  id: 'A.1/addresses',
  task: 'A.1',
  title: 'Services reach those that they call',
  needs: ['A.2/release'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(callsIn(world.app).length > 0, 'no service calls another one by an address'),
  tokens: ['app'],
  estimate: seconds(5),
  objectives: [callObjective('plan A.1: services reach one another')],
  retry: { kind: 'never' },
  run: async (attempt) => {
    const environment = await world.preflight(attempt);
    const note = notebook(world.host.name, world.clock);
    return [await observeCalls(environment, 'blue', callsIn(world.app), note, attempt.signal)];
  },
});
