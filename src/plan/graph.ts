import type { Problem } from '../evidence/problem.ts';
import type { Milliseconds } from '../evidence/units.ts';
import type { Plan, StepId, StepPlan } from './step.ts';

/** Everything that makes a plan impossible to run: doubled ids, needs that are no step, cycles, steps without objectives. */
export function planProblems(plan: Plan): Problem[] {
  const ids = new Set<StepId>();
  const problems: Problem[] = [];
  const complain = (what: string, where: string) =>
    problems.push({ kind: 'internal', what, where, next: 'mend the step where it is defined' });
  for (const step of plan.steps) {
    if (ids.has(step.id)) complain('two steps have one id', step.id);
    ids.add(step.id);
    if (!step.id.startsWith(`${step.task}/`))
      complain(`the step does not carry its task ${step.task} in its id`, step.id);
    if (step.applies.kind === 'applies' && step.objectives.length === 0)
      complain('the step has no objective, so it can never pass', step.id);
    const named = new Set<string>();
    for (const { id } of step.objectives) {
      if (named.has(id)) complain(`two objectives are called ${id}`, step.id);
      named.add(id);
    }
  }
  for (const step of plan.steps)
    for (const need of step.needs) if (!ids.has(need)) complain(`needs ${need}, which is no step of the plan`, step.id);
  const cycle = findCycle(plan.steps);
  if (cycle) complain('the steps need each other in a circle', cycle.join(' -> '));
  return problems;
}

function findCycle(steps: readonly StepPlan[]): StepId[] | undefined {
  const byId = new Map(steps.map((s) => [s.id, s]));
  const done = new Set<StepId>();
  const visit = (id: StepId, path: StepId[]): StepId[] | undefined => {
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
    if (done.has(id)) return undefined;
    for (const need of byId.get(id)?.needs ?? []) {
      const found = visit(need, [...path, id]);
      if (found) return found;
    }
    done.add(id);
    return undefined;
  };
  for (const { id } of steps) {
    const found = visit(id, []);
    if (found) return found;
  }
  return undefined;
}

/** The steps so that each comes after what it needs; otherwise in the order given. Needs a plan without cycles. */
export function inOrder<S extends StepPlan>(steps: readonly S[]): S[] {
  const byId = new Map(steps.map((s) => [s.id, s]));
  const placed = new Set<StepId>();
  const ordered: S[] = [];
  const place = (step: S) => {
    if (placed.has(step.id)) return;
    placed.add(step.id);
    for (const need of step.needs) {
      const needed = byId.get(need);
      if (needed) place(needed);
    }
    ordered.push(step);
  };
  for (const step of steps) place(step);
  return ordered;
}

export type CriticalPath = { readonly steps: readonly StepId[]; readonly length: Milliseconds };

/** The chain of needs that takes longest: no launch is faster than it, however many hosts there are. */
export function criticalPath(steps: readonly StepPlan[]): CriticalPath {
  const longest = new Map<StepId, { length: number; via: StepId | undefined }>();
  for (const step of inOrder(steps)) {
    let before: { length: number; via: StepId | undefined } = { length: 0, via: undefined };
    for (const need of step.needs) {
      const length = longest.get(need)?.length ?? 0;
      if (length > before.length) before = { length, via: need };
    }
    const own = step.applies.kind === 'applies' ? step.estimate : 0;
    longest.set(step.id, { length: before.length + own, via: before.via });
  }
  let end: StepId | undefined;
  for (const [id, { length }] of longest) if (end === undefined || length > (longest.get(end)?.length ?? 0)) end = id;
  const path: StepId[] = [];
  for (let at = end; at !== undefined; at = longest.get(at)?.via) path.unshift(at);
  return { steps: path, length: (end === undefined ? 0 : (longest.get(end)?.length ?? 0)) as Milliseconds };
}
