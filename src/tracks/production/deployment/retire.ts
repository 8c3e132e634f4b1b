import { exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { callObjective, callsIn, observeCalls } from '../../addresses.ts';
import { ask, hasWebService } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import { retireOld } from '../../rollout.ts';
import type { World } from '../../world.ts';

/** The old instances finish what is in flight and stop by themselves; one that has to be killed lost something. */
export const retire = (world: World): Step => ({
  id: 'A.2/retire',
  task: 'A.2',
  title: 'Drain and stop the old instances',
  needs: ['A.2/switch', 'A.2/smoke'],
  inputs: { production: world.inputs.production, release: world.inputs.release },
  applies: hasWebService(world.app),
  tokens: ['app'],
  estimate: seconds(3),
  objectives: [
    ask({
      id: 'killed',
      metric: 'rollout.killed',
      is: ['==', 0, 'count'],
      source: 'plan A.2: drain and stop of the old colour',
      gate: 'warn',
    }),
    ask({
      id: 'left',
      metric: 'rollout.left-running',
      is: ['==', 0, 'count'],
      source: 'plan A.2: stop of the old colour',
    }),
    ...(callsOfAgents(world).length > 0 ? [callObjective('plan A.2: services reach one another')] : []),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const stopped = await retireOld(world.production);
    const running = (await world.production.runtime.list()).filter(
      ({ unit, state }) => unit.role === 'web' && state.kind === 'running',
    );
    const slots = new Set(running.map(({ unit }) => unit.slot));
    const killed = stopped.filter((s) => s.how === 'killed');
    const method = { kind: 'command', text: 'stop signal, wait for the drain, look at what still runs' } as const;
    const calls = callsOfAgents(world);
    const names = stopped.map((s) => `${s.unit} ${s.how} after ${s.took} ms`).join(', ');
    return [
      // Where nothing was old there was nothing to kill: the instances that run were looked at instead.
      note({
        metric: 'rollout.killed',
        unit: 'count',
        observed: exactly(killed.length, Math.max(stopped.length, running.length)),
        method,
        note: names || 'there was no old instance',
      }),
      note({
        metric: 'rollout.left-running',
        unit: 'count',
        observed: exactly(Math.max(0, slots.size - 1), running.length),
        method,
      }),
      ...(calls.length > 0 ? [await observeCalls(world.production, undefined, calls, note, attempt.signal)] : []),
    ];
  },
});

/** What agents call among web services: only now is it the new release that answers. */
const callsOfAgents = ({ app }: World) =>
  callsIn(app).filter(({ from, to }) => from.kind === 'agent' && to.kind === 'web');
