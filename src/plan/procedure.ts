import type { StepId } from './step.ts';

/** A file that a step puts in place; its content is not part of the procedure, and a secret's never is. */
export type ProcedureFile = {
  readonly path: string;
  /** `0o600` for a secret. */
  readonly mode: number;
  readonly user: string;
  /** What it is for, in a few words. */
  readonly holds: string;
};

/** What a step does, as a person would do it by hand: made from the same values that the step carries out. */
export type ProcedureStep = {
  readonly step: StepId;
  readonly title: string;
  /** Command lines exactly as they are run, without secrets. */
  readonly commands: readonly string[];
  readonly files: readonly ProcedureFile[];
  /** Names of the units that it starts, stops or replaces. */
  readonly units: readonly string[];
  /** Command lines, or sentences, that lead back to where it was before. Empty: there is no way back. */
  readonly rollback: readonly string[];
};

export type Procedure = { readonly title: string; readonly steps: readonly ProcedureStep[] };

/** What fails together. Two things on one disk are lost together, however many copies there are. */
export type FailureDomain = {
  readonly kind: 'process' | 'disk' | 'host' | 'site' | 'provider' | 'key';
  readonly name: string;
};

/** A disaster-recovery exercise, as it is carried out. */
export type Drill = {
  readonly step: StepId;
  readonly name: string;
  readonly environment: string;
  /** What must hold before and after. */
  readonly steadyState: string;
  readonly fault: string;
  readonly recovery: string;
  readonly procedure: readonly ProcedureStep[];
  /** What the fault takes away depends on these … */
  readonly source: readonly FailureDomain[];
  /** … and what it is recovered from depends on these. */
  readonly recoveredFrom: readonly FailureDomain[];
};

/** Failure domains that take the source and the recovery away together: with one of them, the drill shows no independence. */
export const sharedDomains = (drill: Drill): FailureDomain[] =>
  drill.source.filter((s) => drill.recoveredFrom.some((r) => r.kind === s.kind && r.name === s.name));

/** What a drill measures, by the names that its measurements carry. */
export const RECOVERY = {
  /** From the fault to the steady state, in ms: the recovery time (RTO). */
  time: 'recovery.time',
  /** Age of the newest write that came back, at the moment of the fault, in ms: the recovery point (RPO). */
  point: 'recovery.point',
  /** Acknowledged writes that were not there afterwards. */
  lost: 'recovery.lost-writes',
  /** Writes that were there afterwards and were never attempted. */
  unexpected: 'recovery.unexpected-writes',
} as const;
