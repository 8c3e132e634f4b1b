import type { Observe } from '../../../config/app.ts';
import { absent, type Measurement } from '../../../evidence/measurement.ts';
import { minutes, seconds } from '../../../evidence/units.ts';
import { type Attempt, QUIET_MACHINE, type Step } from '../../../plan/step.ts';
import { runLoad } from '../../../probes/load/run.ts';
import { appliesIf, appliesIfAll, ask } from '../../asking.ts';
import { loadMeasurements, loadPlan } from '../../load-measurements.ts';
import { notebook } from '../../observing.ts';
import { quietly } from '../../quiet.ts';
import type { World } from '../../world.ts';
import { below, LOOK_STANDS, observedInputs } from './deployment.ts';

const WARM_UP = seconds(10);

/**
 * The declared load at its full rate, on a deployment that people may be using. Nobody who asks to be observed expects
 * that, were it reads alone: it is sent only where `allowWrites` says that the deployment may be touched. The window
 * measures response times all the same, at its own low rate.
 */
export const observedLatency = (world: World, observe: Observe): Step => ({
  id: 'A.1/latency',
  task: 'A.1',
  title: `The observed app carries ${world.app.load?.requestsPerMinute ?? 'the asked number of'} requests a minute with P95 < 200 ms`,
  needs: ['A.1/health'],
  inputs: observedInputs(world),
  applies: appliesIfAll(
    appliesIf(world.app.load !== undefined, 'the app declares no load'),
    appliesIf(
      observe.allowWrites,
      'the declared load at its full rate, writes and all, is no look at what people use: `observe.allowWrites` permits it; A.4/window times reads at a low rate',
    ),
  ),
  tokens: QUIET_MACHINE,
  estimate: world.app.load ? seconds(world.app.load.duration / 1000 + 15) : minutes(1),
  objectives: [
    ask({
      id: 'latency-p95',
      metric: 'http.latency.p95',
      is: ['<', 200, 'ms'],
      source: 'plan A.1: P95 < 200 ms',
      minimumSamples: 1_000,
      maximumAge: LOOK_STANDS,
    }),
    ask({
      id: 'errors',
      metric: 'http.errors',
      is: ['<', 0.1, 'percent'],
      source: 'plan A.3: error rate < 0.1 %',
      minimumSamples: 1_000,
      maximumAge: LOOK_STANDS,
    }),
    ask({
      id: 'rate',
      metric: 'http.rate',
      is: ['>=', world.app.load?.requestsPerMinute ?? 10_000, 'per-minute'],
      source: 'plan A.1: 10,000 requests a minute',
      minimumSamples: 1_000,
      maximumAge: LOOK_STANDS,
    }),
  ],
  retry: { kind: 'never' },
  run: (attempt) => sendLoad(world, observe, attempt),
});

async function sendLoad(world: World, observe: Observe, attempt: Attempt): Promise<Measurement[]> {
  const { load } = world.app;
  if (!load || !observe.allowWrites) return [];
  const shape = {
    ...loadDoor(observe),
    requestsPerMinute: load.requestsPerMinute,
    durationMs: load.duration,
    warmUpMs: WARM_UP,
  };
  const sent = { ...load, requests: load.requests.map((r) => below(observe, r)) };
  attempt.progress(`sends ${load.requestsPerMinute} requests a minute for ${load.duration / 1000} s`);
  const { result, quietness } = await quietly(() => runLoad(loadPlan(sent, shape), { signal: attempt.signal }));
  if (result.kind === 'ran') return loadMeasurements(result.result, world.host.name, quietness);
  const note = notebook(world.host.name, world.clock);
  const method = { kind: 'load', text: shape.baseUrl } as const;
  return [note({ metric: 'http.latency.p95', unit: 'ms', observed: absent(result.reason), method })];
}

/** Where the load generator sends to; paths carry what of the URL is a path. */
export const loadDoor = ({ url, caFile }: Observe): { readonly baseUrl: string; readonly caFile?: string } => ({
  baseUrl: new URL(url).origin,
  ...(caFile === undefined ? {} : { caFile }),
});
