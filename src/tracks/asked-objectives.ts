import type { AskedObjective } from '../config/app.ts';
import { quantityIn } from '../config/quantity.ts';
import type { Objective } from '../evidence/objective.ts';
import type { Problem } from '../evidence/problem.ts';
import type { StepPlan } from '../plan/step.ts';

/** The steps with what the team asks instead of the plan's own numbers, and everything asked that no step can answer. */
export function withAskedObjectives<S extends StepPlan>(
  steps: readonly S[],
  asked: readonly AskedObjective[],
): { readonly steps: readonly S[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  for (const { step: id, objective, source } of asked) {
    const step = steps.find((s) => s.id === id);
    if (!step) problems.push(unknown(`the plan has no step ${id}`, source, 'see `holdpoint plan` for the steps'));
    else if (!step.objectives.some((o) => o.id === objective))
      problems.push(
        unknown(`${id} has no objective ${objective}`, source, `it has ${step.objectives.map((o) => o.id).join(', ')}`),
      );
  }
  const changed = steps.map((step) => {
    const mine = asked.filter((a) => a.step === step.id);
    if (mine.length === 0) return step;
    const objectives = step.objectives.map((objective) =>
      mine.filter((a) => a.objective === objective.id).reduce((o, a) => changedBy(o, a, step.id, problems), objective),
    );
    return { ...step, objectives };
  });
  return { steps: changed, problems };
}

function changedBy(objective: Objective, asked: AskedObjective, step: string, problems: Problem[]): Objective {
  const { threshold, comparator, gate, maximumAge, source } = asked;
  const inUnit = threshold === undefined ? objective.threshold : quantityIn(threshold, objective.unit);
  if (inUnit === undefined) {
    problems.push(
      unknown(
        `the threshold of ${step} ${objective.id} cannot be read in ${objective.unit}`,
        source,
        `give it in ${objective.unit}`,
      ),
    );
    return objective;
  }
  return {
    ...objective,
    threshold: inUnit,
    source,
    ...(comparator === undefined ? {} : { comparator }),
    ...(gate === undefined ? {} : { gate }),
    ...(maximumAge === undefined ? {} : { maximumAge }),
  };
}

const unknown = (what: string, where: string, next: string): Problem => ({ kind: 'input', what, where, next });
