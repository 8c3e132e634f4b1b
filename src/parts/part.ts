import type { Unit, UnitFile, UnitUser } from '../runtimes/unit.ts';

/** Everything that a part wants from a runtime, as data: what it stores, what it reads, what runs. */
export type PartPlan = {
  readonly stores: readonly { readonly name: string; readonly owner: UnitUser }[];
  readonly files: readonly UnitFile[];
  readonly units: readonly Unit[];
};

export const joined = (plans: readonly PartPlan[]): PartPlan => ({
  stores: plans.flatMap((p) => p.stores),
  files: plans.flatMap((p) => p.files),
  units: plans.flatMap((p) => p.units),
});
