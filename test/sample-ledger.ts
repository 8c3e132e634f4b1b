import type { Decision } from '../src/evidence/decision.ts';
import type { Finished, Leaf, LeafBody } from '../src/evidence/leaf.ts';
import { DECISION_STEP, LAUNCH_STEP } from '../src/evidence/leaf.ts';
import type { Measurement } from '../src/evidence/measurement.ts';
import { exactly } from '../src/evidence/measurement.ts';
import type { Objective } from '../src/evidence/objective.ts';
import type { Digest, Instant, Milliseconds } from '../src/evidence/units.ts';
import { days, hours, instant, later, minutes, seconds } from '../src/evidence/units.ts';
import type { Plan, StepId, StepPlan } from '../src/plan/step.ts';
import type { TaskId } from '../src/plan/task.ts';

/** The moment at which a sample ledger begins. */
export const MORNING = instant(Date.parse('2026-03-01T08:00:00Z'));
export const RELEASE = `sha256:${'ab'.repeat(32)}` as Digest;

export const sampleMeasurement = (changes: Partial<Measurement> = {}): Measurement => ({
  metric: 'http.latency.p95',
  unit: 'ms',
  of: '',
  observed: { kind: 'value', value: 153, interval: [150, 156], n: 10_000, resolution: 1 },
  quietness: { kind: 'quiet' },
  from: MORNING,
  to: later(MORNING, minutes(1)),
  host: 'local',
  method: { kind: 'load', text: 'GET https://stockroom.test:8443/ at 10000 a minute' },
  artefacts: [],
  ...changes,
});

export const sampleObjective = (changes: Partial<Objective> = {}): Objective => ({
  id: 'latency-p95',
  metric: 'http.latency.p95',
  comparator: '<',
  threshold: 200,
  unit: 'ms',
  gate: 'hold',
  maximumAge: days(7),
  minimumSamples: 1,
  source: 'plan A.1',
  ...changes,
});

export const sampleStep = (id: StepId, title: string, changes: Partial<StepPlan> = {}): StepPlan => ({
  id,
  task: id.split('/')[0] as TaskId,
  title,
  needs: [],
  inputs: { release: RELEASE },
  applies: { kind: 'applies' },
  tokens: [],
  estimate: minutes(1),
  objectives: [sampleObjective()],
  retry: { kind: 'never' },
  ...changes,
});

export const samplePlan = (steps: readonly StepPlan[], changes: Partial<Plan> = {}): Plan => ({
  app: 'stockroom',
  environment: 'production',
  steps,
  exemptions: [],
  ...changes,
});

/** A ledger of real leaves, one attempt after another, one minute each. */
export class SampleLedger {
  readonly leaves: Leaf[] = [];
  #now: Instant = MORNING;
  #decisions = 0;

  get now(): Instant {
    return this.#now;
  }

  open(launch: string, window: Milliseconds = minutes(2), planned: Milliseconds = hours(24)): this {
    return this.#add(launch, LAUNCH_STEP, 0, 0, {
      kind: 'opened',
      app: 'stockroom',
      environment: 'production',
      host: 'local',
      runtime: 'process',
      by: 'ada',
      holdpoint: '0.1.0',
      window: { length: window, planned },
      plan: RELEASE,
      at: this.#now,
    });
  }

  attempt(
    launch: string,
    step: StepPlan,
    number: number,
    measurements: readonly Partial<Measurement>[],
    end: Finished['end'] | undefined = { kind: 'completed' },
  ): this {
    const from = this.#now;
    const add = (sequence: number, body: LeafBody) => this.#add(launch, step.id, number, sequence, body);
    add(0, { kind: 'started', inputs: step.inputs, at: from });
    this.pass(minutes(1));
    measurements.forEach((m, i) => {
      const measurement = sampleMeasurement({ from, to: this.#now, ...m });
      add(i + 1, { kind: 'measured', measurement, objectives: step.objectives });
    });
    if (end !== undefined) add(measurements.length + 1, { kind: 'finished', end, at: this.#now });
    return this;
  }

  decide(launch: string, decision: Decision): this {
    return this.#add(launch, DECISION_STEP, 0, this.#decisions++, { kind: 'decided', decision });
  }

  pass(time: Milliseconds = seconds(1)): this {
    this.#now = later(this.#now, time);
    return this;
  }

  #add(launch: string, step: string, attempt: number, sequence: number, body: LeafBody): this {
    this.leaves.push({ index: this.leaves.length, key: { launch, step, attempt, sequence }, body, release: RELEASE });
    return this;
  }
}

/** An exact number of something. */
export const counted = (metric: string, value: number, n: number): Partial<Measurement> => ({
  metric,
  unit: 'count',
  observed: exactly(value, n),
  quietness: { kind: 'indifferent' },
});
