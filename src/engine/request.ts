import type { WindowLength } from '../evidence/leaf.ts';
import type { Digest } from '../evidence/units.ts';
import type { Plan, Step, StepId } from '../plan/step.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Undefined where the value is no mapping, or has no such field. */
export const fieldOf = (value: Json, name: string): Json | undefined =>
  typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;

/** What a person asked for: enough to make the same plan again after the resident process was restarted. */
export type LaunchRequest = {
  /** The directory of `holdpoint.yaml`, absolute. */
  readonly directory: string;
  readonly environment: string;
  /** Who asks. */
  readonly by: string;
  /** What else the plan source wants to know; stored and handed back unread. Never holds a secret. */
  readonly options: Readonly<Record<string, Json>>;
};

/** A plan that can be carried out, with the facts that the launch's first leaf records. */
export type Planned = {
  readonly plan: Plan<Step>;
  readonly host: string;
  readonly runtime: string;
  readonly window: WindowLength;
  /** The release that a step's evidence is about, once it is known. Asked at each leaf. */
  readonly subject?: (step: StepId) => Digest | undefined;
};

/**
 * Makes the plan of a request. Throws a ProblemError where `holdpoint.yaml` cannot be used.
 *
 * @param before the plan that the launch had until now, where one goes on: it stays with what it was planned for
 */
export type PlanSource = (request: LaunchRequest, before?: Plan) => Promise<Planned>;
