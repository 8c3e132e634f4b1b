import { judge, type Verdict } from '../evidence/judge.ts';
import type { LeafBody } from '../evidence/leaf.ts';
import type { Objective } from '../evidence/objective.ts';

export type Judged = { readonly objective: Objective; readonly verdict: Verdict };

/** The verdicts of an entry, computed anew on each reading: no verdict is ever stored. */
export const judgedBody = (body: LeafBody): Judged[] =>
  body.kind === 'measured'
    ? body.objectives.map((objective) => ({ objective, verdict: judge(body.measurement, objective) }))
    : [];

export type VerdictCount = Readonly<Record<Verdict['kind'], number>>;
