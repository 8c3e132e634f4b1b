import type { StepId } from '../../src/plan/step.ts';
import type { World } from '../../src/tracks/world.ts';
import type { Ground } from './ground.ts';

/** What a fault needs to stand before it can be planted. */
export type Standing = 'nothing' | 'preflight' | 'production' | 'monitoring' | 'staging';

/** How a step must turn red: the objectives that are missed, or a Problem whose words match. */
export type Red = { readonly step: StepId } & (
  | { readonly objectives: readonly string[] }
  | { readonly problem: RegExp }
);

/** Something that is wrong on purpose, and what must notice it. */
export type Fault = {
  readonly name: string;
  /** What is done, as a reader would do it by hand. */
  readonly plants: string;
  readonly needs: Standing;
  /** `minutes`: only `npm run bench:faults` plants it, because a check waits for something. */
  readonly pace: 'seconds' | 'minutes';
  /** Found only if each of these misses the named objectives. */
  readonly mustTurnRed: readonly Red[];
  /** Rightly red with it. */
  readonly mayTurnRed: readonly StepId[];
  /** Run beside the fault: red here is a false alarm. */
  readonly staysGreen: readonly StepId[];
  plant(ground: Ground): Promise<Planted>;
};

export type Planted = {
  /** What the steps are made from while the fault stands. */
  readonly world: World;
  unplant(): Promise<void>;
};
