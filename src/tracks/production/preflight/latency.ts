import type { Load } from '../../../config/app.ts';
import { type PublicDoor, publicDoor } from '../../../environments/expectation.ts';
import { absent, type Measurement } from '../../../evidence/measurement.ts';
import type { Objective } from '../../../evidence/objective.ts';
import { minutes, seconds } from '../../../evidence/units.ts';
import { type Attempt, QUIET_MACHINE, type Step } from '../../../plan/step.ts';
import { runLoad } from '../../../probes/load/run.ts';
import { appliesIf, ask, ORDINARY_AGE } from '../../asking.ts';
import { loadMeasurements, loadPlan } from '../../load-measurements.ts';
import { notebook } from '../../observing.ts';
import { quietly } from '../../quiet.ts';
import type { World } from '../../world.ts';

const WARM_UP = seconds(10);

/** The load that the app must carry, sent at a fixed rate through the load balancer, timed from when each was due. */
export const latency = (world: World): Step => ({
  id: 'A.1/latency',
  task: 'A.1',
  title: `Carry ${world.app.load?.requestsPerMinute ?? 'the asked number of'} requests a minute with P95 < 200 ms`,
  needs: ['A.2/release', 'A.1/readiness'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(world.app.load !== undefined, 'the app declares no load'),
  tokens: QUIET_MACHINE,
  estimate: world.app.load ? seconds(world.app.load.duration / 1000 + 15) : minutes(1),
  objectives: loadObjectives(world),
  retry: { kind: 'never' },
  run: async (attempt) => {
    const { load } = world.app;
    const environment = await world.preflight(attempt);
    return load === undefined ? [] : sendLoad(world, load, await publicDoor(environment), attempt);
  },
});

/** @param maximumAge where the evidence lives for another time than the plan's ordinary one */
export const loadObjectives = (world: World, maximumAge = ORDINARY_AGE): Objective[] => [
  ask({
    id: 'latency-p95',
    metric: 'http.latency.p95',
    is: ['<', 200, 'ms'],
    source: 'plan A.1: P95 < 200 ms',
    minimumSamples: 1_000,
    maximumAge,
  }),
  ask({
    id: 'errors',
    metric: 'http.errors',
    is: ['<', 0.1, 'percent'],
    source: 'plan A.3: error rate < 0.1 %',
    minimumSamples: 1_000,
    maximumAge,
  }),
  ask({
    id: 'rate',
    metric: 'http.rate',
    is: ['>=', world.app.load?.requestsPerMinute ?? 10_000, 'per-minute'],
    source: 'plan A.1: 10,000 requests a minute',
    minimumSamples: 1_000,
    maximumAge,
  }),
];

/** Sends a load through a door at its full rate, on a quiet machine. */
export async function sendLoad(world: World, load: Load, door: PublicDoor, attempt: Attempt): Promise<Measurement[]> {
  const shape = {
    ...door,
    requestsPerMinute: load.requestsPerMinute,
    durationMs: load.duration,
    warmUpMs: WARM_UP,
  };
  attempt.progress(`sends ${load.requestsPerMinute} requests a minute for ${load.duration / 1000} s`);
  const { result, quietness } = await quietly(() => runLoad(loadPlan(load, shape), { signal: attempt.signal }));
  if (result.kind === 'ran') return loadMeasurements(result.result, world.host.name, quietness);
  const note = notebook(world.host.name, world.clock);
  const method = { kind: 'load', text: shape.baseUrl } as const;
  return [note({ metric: 'http.latency.p95', unit: 'ms', observed: absent(result.reason), method })];
}
