import { type Gate, isSilent, replaceAgents, STEADY_FOR } from '../../../environments/services.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { callObjective, callsIn, observeCalls } from '../../addresses.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import { notReady } from '../../rollout.ts';
import type { World } from '../../world.ts';

/** Agents are drained and restarted: each old instance finishes what it has in hand before its successor starts. */
export const agents = (world: World): Step => ({
  id: 'A.2/agents',
  task: 'A.2',
  title: 'Drain the agents and start their successors',
  needs: ['A.2/candidate'],
  inputs: { production: world.inputs.production, release: world.inputs.release },
  applies: appliesIf(
    world.app.services.some((s) => s.kind === 'agent'),
    'the app has no agents',
  ),
  tokens: ['app'],
  estimate: seconds(5),
  objectives: [
    ask({
      id: 'not-ready',
      metric: 'rollout.not-ready',
      is: ['==', 0, 'count'],
      source: 'plan A.2: agents by drain and restart',
    }),
    ...(ownCalls(world).length > 0 ? [callObjective('plan A.2: services reach one another')] : []),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const gates = await replaceAgents(world.production, await world.release(), attempt.signal);
    const failing = notReady(gates);
    const measured = [
      note({
        metric: 'rollout.not-ready',
        unit: 'count',
        observed: exactly(failing.length, gates.length),
        method: { kind: 'request', text: askedOf(world, gates) },
        note: failing[0],
      }),
    ];
    const calls = ownCalls(world);
    if (failing.length === 0 && calls.length > 0)
      measured.push(await observeCalls(world.production, undefined, calls, note, attempt.signal));
    return measured;
  },
});

/** Of a worker that declares nothing only that it runs can be seen, and it is said so. */
function askedOf({ app }: World, gates: readonly Gate[]): string {
  const silent = app.services.filter((service) => isSilent(app, service)).map(({ name }) => name);
  const isOf = (unit: string) => silent.some((name) => unit.replace(/-\d+$/, '') === name);
  const asked = gates.filter(({ unit }) => !isOf(unit)).map(({ unit }) => unit);
  const watched = gates.filter(({ unit }) => isOf(unit)).map(({ unit }) => unit);
  return [
    ...(asked.length === 0 ? [] : [`readiness of ${asked.join(', ')}`]),
    ...(watched.length === 0 ? [] : [`whether ${watched.join(', ')} runs for ${STEADY_FOR / 1000} s without an end`]),
  ].join('; ');
}

/** Calls of agents by other services. What agents call among web services is asked once the traffic is switched. */
const ownCalls = ({ app }: World) => callsIn(app).filter(({ to }) => to.kind === 'agent');
