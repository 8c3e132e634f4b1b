import type { Observe } from '../../../config/app.ts';
import { minutes, seconds } from '../../../evidence/units.ts';
import { QUIET_MACHINE, type Step } from '../../../plan/step.ts';
import { appliesIf, appliesIfAll } from '../../asking.ts';
import type { World } from '../../world.ts';
import { loadObjectives, sendLoad } from '../preflight/latency.ts';
import { below, LOOK_STANDS, observedInputs } from './deployment.ts';

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
  objectives: loadObjectives(world, LOOK_STANDS),
  retry: { kind: 'never' },
  run: async (attempt) => {
    const { load } = world.app;
    if (load === undefined || !observe.allowWrites) return [];
    const sent = { ...load, requests: load.requests.map((r) => below(observe, r)) };
    return sendLoad(world, sent, loadDoor(observe), attempt);
  },
});

/** Where the load generator sends to; paths carry what of the URL is a path. */
export const loadDoor = ({ url, caFile }: Observe): { readonly baseUrl: string; readonly caFile?: string } => ({
  baseUrl: new URL(url).origin,
  ...(caFile === undefined ? {} : { caFile }),
});
