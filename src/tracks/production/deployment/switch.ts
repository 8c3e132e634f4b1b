import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpExpectation } from '../../../config/app.ts';
import { frontPath } from '../../../config/serves-people.ts';
import { publicDoor } from '../../../environments/expectation.ts';
import { readRecord } from '../../../environments/record.ts';
import { absent, exactly, type Measurement } from '../../../evidence/measurement.ts';
import { days, minutes, seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import type { LoadOutcome } from '../../../probes/load/generator.ts';
import { runLoad } from '../../../probes/load/run.ts';
import { ask, hasWebService } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import { switchToCandidate } from '../../rollout.ts';
import type { World } from '../../world.ts';

/** Requests a second that look on while the switch is made. */
const WITNESSES_PER_SECOND = 50;
const BEFORE = seconds(2);
const WATCHED = seconds(6);

/** A switch is made once for a release: evidence of it belongs to the epoch and does not grow old with time. */
const OF_THE_RELEASE = days(365);

/** Traffic goes over to the new release while a strict client looks on: not one request may fail. */
export const switchTraffic = (world: World): Step => ({
  id: 'A.2/switch',
  task: 'A.2',
  title: 'Switch the traffic, without one failed request',
  needs: ['A.2/candidate', 'A.2/agents'],
  inputs: { production: world.inputs.production, release: world.inputs.release },
  applies: hasWebService(world.app),
  tokens: ['app'],
  estimate: seconds(8),
  objectives: [
    ask({
      id: 'failed',
      metric: 'switch.failed-requests',
      is: ['==', 0, 'count'],
      source: 'plan A.2: blue/green without a failed request',
      minimumSamples: 100,
      maximumAge: OF_THE_RELEASE,
    }),
    ask({
      id: 'deploy-time',
      metric: 'deploy.duration',
      is: ['<', minutes(2), 'ms'],
      source: 'plan C.1: deploy < 2 min',
      maximumAge: OF_THE_RELEASE,
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    // On the very first switch nobody is served before it, so the witnesses begin after it.
    const served = (await readRecord(world.production)).live !== undefined;
    const before = served ? watch(world, attempt) : undefined;
    if (before) await sleep(BEFORE);
    const switched = await switchToCandidate(world.production, await world.release(), world.clock);
    const outcome = await (before ?? watch(world, attempt));
    if (switched.kind === 'no-candidate') return [unseen(note, switched.reason)];
    const { live } = switched;
    attempt.progress(`traffic goes to ${live.slot}`);
    // Where nobody was served before, looking on after the switch is all there is, at the first attempt as at a later one.
    const seen = switched.kind === 'made' || live.from === 'nobody was served';
    return [
      seen
        ? failures(note, outcome, pageOf(world) === undefined ? 'may be refused' : 'is there')
        : unseen(note, 'an earlier attempt has made the switch, so this one saw none'),
      note({
        metric: 'deploy.duration',
        unit: 'ms',
        observed: timed(live.took),
        method: { kind: 'command', text: 'start of the new instances until traffic reached them' },
      }),
    ];
  },
});

const unseen = (note: ReturnType<typeof notebook>, reason: string): Measurement =>
  note({
    metric: 'switch.failed-requests',
    unit: 'count',
    observed: absent(reason),
    method: { kind: 'file', text: 'record of the environment' },
  });

/** A request for a page that the app's own smoke tests find; undefined where they name none. */
const pageOf = (world: World): HttpExpectation | undefined =>
  world.app.smoke.find((s) => s.method === 'GET' && s.status < 400);

async function watch(world: World, attempt: Attempt): Promise<LoadOutcome> {
  const { path, headers } = pageOf(world) ?? { path: frontPath(world.app.services), headers: {} };
  return runLoad(
    {
      ...(await publicDoor(world.production)),
      requests: [{ name: 'witness', weight: 1, method: 'GET', path, headers }],
      ratePerSecond: WITNESSES_PER_SECOND,
      durationMs: WATCHED,
      warmUpMs: 0,
      connections: 16,
      timeoutMs: 10_000,
    },
    { signal: attempt.signal },
  );
}

function failures(
  note: ReturnType<typeof notebook>,
  outcome: LoadOutcome,
  page: 'is there' | 'may be refused',
): Measurement {
  const seen = { metric: 'switch.failed-requests', unit: 'count' } as const;
  if (outcome.kind === 'not run')
    return note({ ...seen, observed: absent(outcome.reason), method: { kind: 'load', text: 'witnesses' } });
  const { measured, asked } = outcome.result;
  const { '4xx': refused = 0, '5xx': errors = 0 } = measured.byStatusClass;
  // A page that the app's own smoke tests find must not be refused: that fails a user as an error would.
  const bad = measured.failed + measured.unclear + errors + (page === 'is there' ? refused : 0);
  const method = {
    kind: 'load',
    text: `${asked.ratePerSecond} requests/s over keep-alive connections, never sent twice`,
  } as const;
  return note({
    ...seen,
    observed: exactly(bad, measured.intended),
    method,
    note: Object.entries(measured.byStatus)
      .map(([status, n]) => `${n} x ${status}`)
      .join(', '),
  });
}
