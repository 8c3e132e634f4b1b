import type { Instant } from './units.ts';

/** Who says so. Until a decision is signed with a person's own key, its identity is a claim. */
export type Person = { readonly name: string; readonly identity: 'not verified' };

/** A named person's decision to go past one hold, now. Printed on page one, never as a pass. */
export type Waiver = {
  readonly kind: 'waiver';
  readonly step: string;
  readonly attempt: number;
  readonly by: Person;
  readonly reason: string;
  readonly at: Instant;
};

/** What only a person can say ("the team is trained"). Has a sign of its own and stands in no count of passes. */
export type Statement = {
  readonly kind: 'statement';
  readonly says: string;
  readonly by: Person;
  readonly at: Instant;
};

export type Retry = {
  readonly kind: 'retry';
  readonly step: string;
  /** The attempt that held; the next one is asked for. */
  readonly attempt: number;
  readonly by: Person;
  readonly at: Instant;
};

export type Abort = { readonly kind: 'abort'; readonly by: Person; readonly reason: string; readonly at: Instant };

export type Decision = Waiver | Statement | Retry | Abort;

/** A standing decision in holdpoint.yaml: goes past one objective until its last day (inclusive, UTC). */
export type Exemption = {
  readonly step: string;
  readonly objective: string;
  readonly owner: string;
  readonly reason: string;
  /** `2026-12-31` */
  readonly lastDay: string;
};

/** An exemption holds up to the end of its last day, UTC. A day that cannot be read never holds. */
export function exemptionHolds(exemption: Exemption, now: Instant): boolean {
  const end = Date.parse(`${exemption.lastDay}T23:59:59.999Z`);
  return Number.isFinite(end) && now <= end;
}
