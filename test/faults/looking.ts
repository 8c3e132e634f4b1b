import { problemOf } from '../../src/evidence/problem.ts';
import { systemClock } from '../../src/evidence/units.ts';
import { type Finding, findings, type Outcome, outcome } from '../../src/plan/finding.ts';
import type { Attempt, StepId } from '../../src/plan/step.ts';
import { planFor } from '../../src/tracks/plan-for.ts';
import type { World } from '../../src/tracks/world.ts';

/** What one run of a step came to, judged as the engine would. A Problem is what holds a track without a measurement. */
export type Look = {
  readonly step: StepId;
  readonly outcome: Outcome | 'problem' | 'not applicable';
  /** Ids of the objectives that are not met, each with what the verdict says. */
  readonly missed: readonly { readonly objective: string; readonly kind: string; readonly because: string }[];
  readonly problem: string | undefined;
};

/** Runs one step of the world's own plan and judges what it measured. */
export async function look(world: World, id: StepId, attempt: Attempt): Promise<Look> {
  const step = planFor(world).steps.find((s) => s.id === id);
  if (!step) throw new RangeError(`the plan has no step ${id}`);
  if (step.applies.kind === 'not-applicable')
    return { step: id, outcome: 'not applicable', missed: [], problem: step.applies.because };
  try {
    const measured = await step.run(attempt);
    const entries = measured.map((measurement, index) => ({ index, measurement }));
    const found = findings(id, step.objectives, entries, [], systemClock());
    return { step: id, outcome: outcome(found), missed: found.flatMap(missedOf), problem: undefined };
  } catch (thrown) {
    const { what, detail } = problemOf(thrown);
    return { step: id, outcome: 'problem', missed: [], problem: [what, ...(detail ?? [])].join(' | ') };
  }
}

function missedOf({ objective, verdict, entry }: Finding) {
  if (objective.gate === 'inform' || verdict.kind === 'pass') return [];
  const note = entry?.measurement.note;
  const because = note === undefined ? verdict.because : `${verdict.because} (${note})`;
  return [{ objective: objective.id, kind: verdict.kind, because }];
}

export const isGreen = (seen: Look): boolean => seen.outcome === 'passed';

export function lookText({ step, outcome: came, missed, problem }: Look): string {
  const why = missed.map((m) => `${m.objective} ${m.kind}: ${m.because}`);
  return `${step} ${came}${problem ? `: ${problem}` : ''}${why.length > 0 ? `: ${why.join('; ')}` : ''}`;
}
