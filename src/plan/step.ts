import type { Exemption } from '../evidence/decision.ts';
import type { Measurement } from '../evidence/measurement.ts';
import type { Objective } from '../evidence/objective.ts';
import type { Clock, Digest, Milliseconds } from '../evidence/units.ts';
import type { TaskId } from './task.ts';

/** `A.1/latency`: the task, a slash, lower-case words joined by hyphens. */
export type StepId = `${TaskId}/${string}`;

/**
 * What a step uses of its host while it runs; no two running steps hold the same one. `app` is the app that the launch is
 * of: steps of two apps may each hold theirs. A step that measures time or load takes all three, and then no other step
 * holds any, so that nothing of ours disturbs it.
 */
export type HostToken = 'cpu' | 'disk' | 'app';
export const QUIET_MACHINE: readonly HostToken[] = ['cpu', 'disk', 'app'];

/** Decided by the plan from what the App declares, never inside a step. */
export type Applicability =
  | { readonly kind: 'applies' }
  | { readonly kind: 'not-applicable'; readonly because: string };

/**
 * What happens after an attempt that *could not run*. An attempt that ran and found a failure is never run again by
 * itself: retrying until green is how false ticks are made.
 */
export type RetryPolicy =
  | { readonly kind: 'never' }
  | { readonly kind: 'back-off'; readonly attempts: number; readonly first: Milliseconds; readonly factor: number };

/** A step as data: enough to print, order, estimate and judge it without running anything. */
export type StepPlan = {
  readonly id: StepId;
  readonly task: TaskId;
  readonly title: string;
  readonly needs: readonly StepId[];
  /** Digests of what the evidence depends on, by name. Same inputs, young enough: the evidence is used again. */
  readonly inputs: Readonly<Record<string, Digest>>;
  readonly applies: Applicability;
  readonly tokens: readonly HostToken[];
  /** How long a run takes on an ordinary machine. */
  readonly estimate: Milliseconds;
  readonly objectives: readonly Objective[];
  readonly retry: RetryPolicy;
};

/** What a running step is given. It returns what it observed; it knows nothing of ordering, retries or records. */
export type Attempt = {
  readonly launch: string;
  readonly number: number;
  /** Aborted when the launch is; a step ends as soon as it can and leaves nothing half done. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** One line for people who wait. Never holds a secret. */
  progress(line: string): void;
  /** Keeps raw bytes beside the ledger; what may be in them is the caller's allow-list to settle. */
  artefact(name: string, content: string | Uint8Array, retention: Milliseconds): Promise<Digest>;
};

export type Step = StepPlan & { run(attempt: Attempt): Promise<readonly Measurement[]> };

export type Plan<S extends StepPlan = StepPlan> = {
  readonly app: string;
  readonly environment: string;
  readonly steps: readonly S[];
  readonly exemptions: readonly Exemption[];
};

/** The plan without what runs: what is stored, diffed and handed to clients. */
export function planAsData(plan: Plan<Step>): Plan {
  return {
    ...plan,
    steps: plan.steps.map(({ run: _run, ...data }) => data),
  };
}
