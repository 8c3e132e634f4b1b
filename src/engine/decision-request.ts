import type { Decision, Person } from '../evidence/decision.ts';
import { fail } from '../evidence/problem.ts';
import type { Instant } from '../evidence/units.ts';
import type { LaunchState, StepState } from '../plan/state.ts';
import type { StepId } from '../plan/step.ts';

/** What a person asks to be written down. */
export type DecisionRequest =
  | { readonly kind: 'waive'; readonly step: string; readonly by: string; readonly reason: string }
  | { readonly kind: 'retry'; readonly step: string; readonly by: string }
  | { readonly kind: 'abort'; readonly by: string; readonly reason: string }
  | { readonly kind: 'statement'; readonly says: string; readonly by: string };

/** States that a person may ask to be measured again. */
const AGAIN: ReadonlySet<StepState['kind']> = new Set(['held', 'warned', 'exempt', 'waived']);

/**
 * The decision as it goes into the ledger.
 *
 * @throws ProblemError `input` where a name or reason is missing or the step is unknown, `conflict` where the step or
 *   the launch does not stand where the decision would mean something
 */
export function decisionOf(request: DecisionRequest, launch: LaunchState, at: Instant): Decision {
  const by = personOf(request.by);
  if (request.kind === 'statement') return { kind: 'statement', says: said(request.says, 'statement'), by, at };
  if (launch.closed !== undefined || launch.end.kind === 'aborted')
    return fail({
      kind: 'conflict',
      what: `the launch is over: ${launch.closed?.end ?? 'aborted'}`,
      where: launch.launch,
      next: 'start a new one with `holdpoint launch`',
    });
  if (request.kind === 'abort') return { kind: 'abort', by, reason: said(request.reason, 'reason'), at };
  const { step, state } = find(request.step, launch);
  if (request.kind === 'waive') {
    const reason = said(request.reason, 'reason');
    if (state.kind !== 'held') return refuse(step, state, 'held', 'only a hold can be waived');
    return { kind: 'waiver', step, attempt: state.attempt.number, by, reason, at };
  }
  if (!AGAIN.has(state.kind) || !('attempt' in state) || typeof state.attempt === 'number')
    return refuse(step, state, 'held', 'there is no attempt to be repeated');
  if ('evidence' in state && state.evidence === 'used-again')
    return refuse(step, state, 'measured in this launch', 'its evidence comes from an earlier launch');
  return { kind: 'retry', step, attempt: state.attempt.number, by, at };
}

function find(step: string, launch: LaunchState): { step: StepId; state: StepState } {
  for (const [id, state] of launch.steps) if (id === step) return { step: id, state };
  return fail({
    kind: 'input',
    what: `the plan has no step ${step}`,
    where: launch.launch,
    next: 'see `holdpoint plan` for the steps',
  });
}

function refuse(step: StepId, state: StepState, wanted: string, why: string): never {
  return fail({
    kind: 'conflict',
    what: `the step is ${state.kind}, not ${wanted}: ${why}`,
    where: step,
    next: 'see `holdpoint status` for where each step stands',
  });
}

function personOf(name: string): Person {
  return { name: said(name, 'name (--by NAME)'), identity: 'not verified' };
}

function said(text: string, what: string): string {
  if (typeof text === 'string' && text.trim() !== '') return text.trim();
  return fail({ kind: 'input', what: `the ${what} is empty`, next: `give a ${what}: it is printed on page one` });
}
