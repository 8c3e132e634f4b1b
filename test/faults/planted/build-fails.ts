import type { Fault } from '../fault.ts';
import { withApp } from '../ground.ts';
import { given } from '../switched-on.ts';

export const buildFails: Fault = {
  name: 'a build that fails',
  plants: 'the build command ends with status 1',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'C.1/build', problem: /build command/ }],
  mayTurnRed: [],
  staysGreen: [],
  plant: given((world) => withApp(world, { build: [['false']] })),
};
