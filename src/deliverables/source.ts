import type { App } from '../config/app.ts';
import type { Digest, Instant } from '../evidence/units.ts';
import type { GoldenSettings } from '../parts/golden-metrics/settings.ts';
import type { Entry, Finding } from '../plan/finding.ts';
import { findings } from '../plan/finding.ts';
import type { Drill, Procedure } from '../plan/procedure.ts';
import type { LaunchState, StepState } from '../plan/state.ts';
import type { Plan, StepPlan } from '../plan/step.ts';
import type { TaskId } from '../plan/task.ts';

/** All that documents are rendered from. */
export type DocumentSource = {
  readonly app: App;
  readonly plan: Plan;
  readonly launch: LaunchState;
  readonly now: Instant;
  /** Absent until a release was built. */
  readonly release: Digest | undefined;
  /** How much of the ledger stands behind the document; the checkpoint is its signed note. */
  readonly ledger: { readonly size: number; readonly checkpoint: string | undefined } | undefined;
  readonly golden: GoldenSettings;
  readonly procedures: readonly Procedure[];
  readonly drills: readonly Drill[];
};

/** A document with its path relative to the folder `launch/`. */
export type Deliverable = { readonly path: string; readonly content: string };

export const stepsOf = (source: DocumentSource, ...tasks: readonly TaskId[]): StepPlan[] =>
  source.plan.steps.filter((s) => tasks.includes(s.task));

export const stateOf = (source: DocumentSource, step: StepPlan): StepState =>
  source.launch.steps.get(step.id) ?? { kind: 'waiting', on: step.needs };

/** What is known of each objective of a step, now. A step that has not run gives a finding for each, all unknown. */
export function findingsOf(source: DocumentSource, step: StepPlan): readonly Finding[] {
  const state = stateOf(source, step);
  if (state.kind === 'not-applicable') return [];
  if ('findings' in state) return state.findings;
  const entries = state.kind === 'running' ? state.attempt.entries : [];
  return findings(step.id, step.objectives, entries, source.plan.exemptions, source.now);
}

/** Everything that the step's evidence holds, whether an objective asks for it or not. */
export function entriesOf(source: DocumentSource, step: StepPlan): readonly Entry[] {
  const state = stateOf(source, step);
  return 'attempt' in state && typeof state.attempt === 'object' ? state.attempt.entries : [];
}
