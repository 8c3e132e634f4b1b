import type { Decision } from '../evidence/decision.ts';
import type { Closed, Finished } from '../evidence/leaf.ts';
import type { Measurement } from '../evidence/measurement.ts';
import type { Problem } from '../evidence/problem.ts';
import type { Instant } from '../evidence/units.ts';
import type { LaunchEnd, StepState } from '../plan/state.ts';
import type { HostToken, StepId } from '../plan/step.ts';
import type { Tally } from '../plan/tally.ts';

/** What happens in a launch, as it happens. Plain data: each can be written down as one line of JSON. */
export type EngineEvent = { readonly launch: string; readonly at: Instant } & (
  | { readonly kind: 'launch-opened'; readonly app: string; readonly environment: string; readonly by: string }
  | { readonly kind: 'launch-resumed' }
  /** The plan cannot be made at the moment (holdpoint.yaml is broken, for example); it is tried again. */
  | { readonly kind: 'launch-stuck'; readonly problem: Problem }
  | {
      readonly kind: 'step-waiting';
      readonly step: StepId;
      readonly attempt: number;
      readonly tokens: readonly HostToken[];
    }
  | { readonly kind: 'step-started'; readonly step: StepId; readonly attempt: number }
  | { readonly kind: 'progress'; readonly step: StepId; readonly attempt: number; readonly line: string }
  | {
      readonly kind: 'measured';
      readonly step: StepId;
      readonly attempt: number;
      readonly entry: number;
      readonly measurement: Measurement;
    }
  | {
      readonly kind: 'step-finished';
      readonly step: StepId;
      readonly attempt: number;
      readonly end: Finished['end'];
      /** Where the step stands now. */
      readonly state: StepState['kind'] | 'unknown';
    }
  /** The step cannot be recorded or carried out by a fault of ours; it needs a person. */
  | { readonly kind: 'step-fault'; readonly step: StepId; readonly attempt: number; readonly problem: Problem }
  | { readonly kind: 'decided'; readonly decision: Decision }
  | { readonly kind: 'launch-state'; readonly end: LaunchEnd; readonly tally: Tally }
  | { readonly kind: 'launch-closed'; readonly end: Closed['end'] }
  /** The ledger cannot be written at the moment: everything waits, nothing is lost. */
  | { readonly kind: 'store-down'; readonly problem: Problem }
  | { readonly kind: 'store-up' }
);

export type EventListener = (event: EngineEvent) => void;
