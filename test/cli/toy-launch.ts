import type { BoardView } from '../../src/cli/board.ts';
import type { Exemption } from '../../src/evidence/decision.ts';
import type { Finished, Leaf, LeafBody } from '../../src/evidence/leaf.ts';
import { DECISION_STEP, LAUNCH_STEP } from '../../src/evidence/leaf.ts';
import type { Measurement, Observed } from '../../src/evidence/measurement.ts';
import { exactly } from '../../src/evidence/measurement.ts';
import type { Objective } from '../../src/evidence/objective.ts';
import type { Digest, Instant, Milliseconds } from '../../src/evidence/units.ts';
import { days, hours, instant, minutes, seconds } from '../../src/evidence/units.ts';
import { state } from '../../src/plan/state.ts';
import type { Plan, StepId, StepPlan } from '../../src/plan/step.ts';

/** For tests of this room: a launch written down as a story, from which the real `state` makes what a board shows. */

export const NOW = instant(Date.UTC(2026, 10, 24, 13, 5, 0));
export const HERE = 'production-7';
const RELEASE = `sha256:${'a'.repeat(64)}` as Digest;

export const objective = (more: Partial<Objective> = {}): Objective => ({
  id: 'errors',
  metric: 'http.errors',
  comparator: '==',
  threshold: 0,
  unit: 'count',
  gate: 'hold',
  maximumAge: days(7),
  minimumSamples: 1,
  source: 'plan A.1',
  ...more,
});

export const step = (id: StepId, more: Partial<StepPlan> = {}): StepPlan => ({
  id,
  task: id.split('/')[0] as StepPlan['task'],
  title: id,
  needs: [],
  inputs: { release: RELEASE },
  applies: { kind: 'applies' },
  tokens: [],
  estimate: seconds(40),
  objectives: [objective()],
  retry: { kind: 'never' },
  ...more,
});

export const planOf = (steps: readonly StepPlan[], exemptions: readonly Exemption[] = []): Plan => ({
  app: 'stockroom',
  environment: 'production',
  steps,
  exemptions,
});

const measured = (observed: Observed, at: Instant, more: Partial<Measurement> = {}): Measurement => ({
  metric: 'http.errors',
  unit: 'count',
  of: '',
  observed,
  quietness: { kind: 'indifferent' },
  from: at,
  to: at,
  host: 'local',
  method: { kind: 'request', text: 'GET /' },
  artefacts: [],
  ...more,
});

type Told = {
  readonly launch?: string;
  readonly attempt?: number;
  readonly at?: Instant;
  readonly took?: Milliseconds;
  readonly seen?: Observed;
  readonly like?: Partial<Measurement>;
  readonly end?: Finished['end'];
};

export class Story {
  readonly leaves: Leaf[] = [];

  #add(launch: string, id: string, attempt: number, sequence: number, body: LeafBody): this {
    const key = { launch, step: id, attempt, sequence };
    this.leaves.push({ index: this.leaves.length, key, body, release: RELEASE });
    return this;
  }

  opened(window = minutes(2)): this {
    return this.#add(HERE, LAUNCH_STEP, 0, 0, {
      kind: 'opened',
      app: 'stockroom',
      environment: 'production',
      host: 'local',
      runtime: 'process',
      by: 'ada',
      holdpoint: '0.1.0',
      window: { length: window, planned: hours(24) },
      plan: RELEASE,
      at: instant(NOW - minutes(4)),
    });
  }

  started(id: StepId, told: Told = {}): this {
    const { launch = HERE, attempt = 1, at = instant(NOW - seconds(12)) } = told;
    return this.#add(launch, id, attempt, 0, { kind: 'started', inputs: { release: RELEASE }, at });
  }

  ran(id: StepId, told: Told = {}): this {
    const { launch = HERE, attempt = 1, at = instant(NOW - minutes(2)), took = seconds(2), end } = told;
    const over = instant(at + took);
    this.started(id, { ...told, at });
    if (end === undefined)
      this.#add(launch, id, attempt, 1, {
        kind: 'measured',
        measurement: measured(told.seen ?? exactly(0, 100), over, told.like),
        objectives: [],
      });
    return this.#add(launch, id, attempt, 2, { kind: 'finished', end: end ?? { kind: 'completed' }, at: over });
  }

  waived(id: StepId, attempt = 1): this {
    const by = { name: 'Ada', identity: 'not verified' } as const;
    const reason = '83 % until the importer is gone, issue 41';
    return this.#add(HERE, DECISION_STEP, 0, this.leaves.length, {
      kind: 'decided',
      decision: { kind: 'waiver', step: id, attempt, by, reason, at: NOW },
    });
  }

  retried(id: StepId, attempt = 1): this {
    const by = { name: 'Ada', identity: 'not verified' } as const;
    return this.#add(HERE, DECISION_STEP, 0, this.leaves.length, {
      kind: 'decided',
      decision: { kind: 'retry', step: id, attempt, by, at: NOW },
    });
  }

  aborted(): this {
    const by = { name: 'Ada', identity: 'not verified' } as const;
    return this.#add(HERE, DECISION_STEP, 0, this.leaves.length, {
      kind: 'decided',
      decision: { kind: 'abort', by, reason: 'wrong release', at: NOW },
    });
  }

  closed(): this {
    return this.#add(HERE, LAUNCH_STEP, 0, 1, { kind: 'closed', end: 'launched', at: NOW });
  }

  view(plan: Plan, progress: readonly (readonly [StepId, string])[] = []): BoardView {
    const at = state(plan, HERE, this.leaves, NOW);
    const nothing = { waiting: new Map(), problem: undefined, faults: new Map() };
    return { plan, state: at, now: NOW, progress: new Map(progress), ...nothing };
  }
}

/** One step in each state that there is. */
export function everyState(): BoardView {
  const latency = objective({ id: 'p95', metric: 'http.latency.p95', comparator: '<', threshold: 200, unit: 'ms' });
  const lastDay = '2026-12-31';
  const plan = planOf(
    [
      step('A.1/health', { title: 'health and readiness tell the truth' }),
      step('A.1/headers', { title: 'response headers' }),
      step('A.1/latency', { title: 'P95 at 10,000 requests a minute', objectives: [latency] }),
      step('A.1/hidden-secrets', { title: 'no secrets in files or history' }),
      step('A.1/cache-failover', {
        title: 'the cache may die',
        applies: { kind: 'not-applicable', because: 'the app has no cache' },
      }),
      step('A.1/restore', { title: 'a backup restored and compared' }),
      step('A.2/release', { title: 'the release, built once', needs: ['A.1/latency', 'A.1/restore'] }),
      step('A.2/certificates', { title: 'certificates' }),
      step('B.1/environment', { title: 'staging from the same description' }),
      step('B.2/application-crash', { title: 'every service killed', needs: ['B.1/environment'] }),
      step('C.1/build', { title: 'the build from a clean copy' }),
      step('C.1/coverage', { title: 'coverage of the own tests' }),
      step('C.1/tests', {
        title: 'the own tests',
        retry: { kind: 'back-off', attempts: 3, first: seconds(60), factor: 2 },
      }),
      step('C.2/lint', {
        title: 'lint',
        objectives: [objective(), objective({ id: 'soft', metric: 'lint.warnings', gate: 'warn' })],
      }),
    ],
    [{ step: 'A.1/hidden-secrets', objective: 'errors', owner: 'Ben', reason: 'a test key, revoked', lastDay }],
  );
  const story = new Story();
  const before = instant(NOW - days(3));
  story
    .ran('A.1/headers', { launch: 'production-6', at: before })
    .opened()
    .ran('A.1/health')
    .ran('A.1/latency', { seen: exactly(245, 20_000), like: { metric: 'http.latency.p95', unit: 'ms', of: 'GET /' } })
    .retried('A.1/latency')
    .ran('A.1/latency', {
      attempt: 2,
      seen: { kind: 'value', value: 245, interval: [240, 251], n: 20_000, resolution: 1 },
      like: { metric: 'http.latency.p95', unit: 'ms', of: 'GET /', note: 'slowest: GET /api/low-stock, 611 ms' },
    })
    .ran('A.1/hidden-secrets', { seen: exactly(1, 240) })
    .ran('A.1/restore', {
      end: {
        kind: 'errored',
        problem: {
          kind: 'host',
          what: 'the disk is full',
          where: '/var/lib/holdpoint/environments',
          next: 'free 2 GB there, then retry',
        },
      },
    })
    .started('B.1/environment')
    .ran('C.1/build', { took: seconds(48) })
    .ran('C.1/coverage', { seen: { kind: 'absent', reason: 'the report coverage-summary.json is not there' } })
    .waived('C.1/coverage')
    .ran('C.1/tests', {
      at: instant(NOW - seconds(20)),
      end: { kind: 'errored', problem: { kind: 'host', what: 'npm ci failed', next: 'look at the log' } },
    })
    .ran('C.2/lint');
  return story.view(plan, [['B.1/environment', 'waiting for Postgres on port 5540']]);
}
