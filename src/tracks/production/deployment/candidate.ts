import { exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { callObjective, callsIn, isWithinSlot, observeCalls } from '../../addresses.ts';
import { ask, hasWebService } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import { bringUpCandidate, notReady } from '../../rollout.ts';
import { smokeThrough } from '../../smoke.ts';
import type { World } from '../../world.ts';

/** The new release beside the old one: up, ready, and tried through the load balancer's second door. */
export const candidate = (world: World): Step => ({
  id: 'A.2/candidate',
  task: 'A.2',
  title: 'Start the new web instances beside the old ones, ready and tried',
  needs: [
    'A.1/*',
    'A.2/release',
    'A.2/certificates',
    'A.2/keys',
    'A.2/database',
    'A.2/backup',
    'A.2/cache',
    'A.2/migrate',
  ],
  inputs: { production: world.inputs.production, release: world.inputs.release },
  applies: hasWebService(world.app),
  tokens: ['app'],
  estimate: seconds(6),
  objectives: [
    ask({
      id: 'not-ready',
      metric: 'rollout.not-ready',
      is: ['==', 0, 'count'],
      source: 'plan A.2: health and readiness gates',
    }),
    ...(callsIn(world.app).some(isWithinSlot) ? [callObjective('plan A.2: services reach one another')] : []),
    ...(world.app.smoke.length > 0
      ? [
          ask({
            id: 'smoke',
            metric: 'smoke.failing',
            is: ['==', 0, 'count'],
            source: 'plan A.2: smoke tests before the switch',
          }),
        ]
      : []),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const { slot, gates, already } = await bringUpCandidate(
      world.production,
      await world.release(),
      attempt.signal,
      world.clock,
    );
    const failing = notReady(gates);
    attempt.progress(
      already === 'live'
        ? `the release is live already in ${slot}`
        : `${gates.length} instances in ${slot}, ${failing.length} not ready`,
    );
    const gateMethod = { kind: 'request', text: `readiness of each instance in ${slot}` } as const;
    const measured = [
      note({
        metric: 'rollout.not-ready',
        unit: 'count',
        observed: exactly(failing.length, gates.length),
        method: gateMethod,
        note: failing[0],
      }),
    ];
    const calls = callsIn(world.app).filter(isWithinSlot);
    if (failing.length > 0) return measured;
    if (calls.length > 0) measured.push(await observeCalls(world.production, slot, calls, note, attempt.signal));
    if (world.app.smoke.length === 0) return measured;
    const door = already === 'live' ? 'public' : 'preview';
    const seen = await smokeThrough(world.production, door);
    const method = {
      kind: 'request',
      text: `${world.app.smoke.map((s) => s.name).join(', ')}, through the ${door} door`,
    } as const;
    return [...measured, note({ metric: 'smoke.failing', unit: 'count', method, ...seen })];
  },
});
