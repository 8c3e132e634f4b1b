import type { Observe } from '../../../config/app.ts';
import { difference } from '../../../environments/expectation.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { appliesIf, appliesIfAll, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';
import {
  below,
  deploymentTarget,
  LEFT_OUT,
  LOOK_STANDS,
  notSent,
  notSentObjective,
  observedInputs,
  requestsText,
  sendable,
} from './deployment.ts';

/** The app's smoke requests as a user would send them: those that read, and the others where writing is allowed. */
export const observedSmoke = (world: World, observe: Observe): Step => ({
  id: 'A.2/smoke',
  task: 'A.2',
  title: observe.allowWrites ? 'Smoke requests to the observed app' : 'Smoke requests to the observed app, reads alone',
  needs: ['A.1/*'],
  inputs: observedInputs(world),
  applies: appliesIfAll(
    appliesIf(world.app.smoke.length > 0, 'the app declares no smoke tests'),
    appliesIf(sendable(observe, world.app.smoke).sent.length > 0, `each smoke request ${LEFT_OUT}`),
  ),
  tokens: ['app'],
  estimate: seconds(1),
  objectives: [
    ask({
      id: 'failing',
      metric: 'smoke.failing',
      is: ['==', 0, 'count'],
      source: 'plan A.2: smoke tests',
      maximumAge: LOOK_STANDS,
    }),
    notSentObjective('smoke.not-sent'),
  ],
  retry: { kind: 'never' },
  async run() {
    const note = notebook(world.host.name, world.clock);
    const { sent, left } = sendable(observe, world.app.smoke);
    const target = await deploymentTarget(observe);
    const failing: string[] = [];
    for (const asked of sent) {
      const how = await difference(target, below(observe, asked));
      if (how !== undefined) failing.push(`${asked.name}: ${how}`);
    }
    const method = { kind: 'request', text: `${requestsText(sent)} below ${observe.url}` } as const;
    return [
      note({
        metric: 'smoke.failing',
        unit: 'count',
        observed: exactly(failing.length, sent.length),
        method,
        note: failing[0],
      }),
      notSent('smoke.not-sent', left, world.app.smoke.length, method, note),
    ];
  },
});
