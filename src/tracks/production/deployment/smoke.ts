import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import { smokeThrough } from '../../smoke.ts';
import type { World } from '../../world.ts';

/** The app's smoke requests through the front door, as a user would send them. */
export const smoke = (world: World): Step => ({
  id: 'A.2/smoke',
  task: 'A.2',
  title: 'Smoke tests through the load balancer',
  needs: ['A.2/switch'],
  inputs: { production: world.inputs.production, release: world.inputs.release },
  applies: appliesIf(world.app.smoke.length > 0, 'the app declares no smoke tests'),
  tokens: ['app'],
  estimate: seconds(1),
  objectives: [
    ask({
      id: 'failing',
      metric: 'smoke.failing',
      is: ['==', 0, 'count'],
      source: 'plan A.2: smoke tests through the load balancer',
    }),
  ],
  retry: { kind: 'never' },
  async run() {
    const note = notebook(world.host.name, world.clock);
    const seen = await smokeThrough(world.production, 'public');
    return [
      note({
        metric: 'smoke.failing',
        unit: 'count',
        method: { kind: 'request', text: world.app.smoke.map((s) => `${s.method} ${s.path}`).join(', ') },
        ...seen,
      }),
    ];
  },
});
