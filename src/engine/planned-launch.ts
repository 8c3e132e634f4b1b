import { createHash } from 'node:crypto';
import { fail } from '../evidence/problem.ts';
import type { Digest } from '../evidence/units.ts';
import type { Plan, StepId } from '../plan/step.ts';
import type { Planned } from './request.ts';

/** A check runs one step by itself: what it needs is taken to stand, since the environment runs. */
export function reduceTo(planned: Planned, step: StepId | undefined): Planned {
  if (step === undefined) return planned;
  const found = planned.plan.steps.find((s) => s.id === step);
  if (found === undefined)
    return fail({
      kind: 'input',
      what: `the plan has no step ${step}`,
      where: planned.plan.environment,
      next: 'see `holdpoint plan` for the steps',
    });
  if (found.applies.kind === 'not-applicable')
    return fail({
      kind: 'input',
      what: `the step does not apply: ${found.applies.because}`,
      where: step,
      next: 'nothing is to be done; the plan shows it as not applicable',
    });
  return { ...planned, plan: { ...planned.plan, steps: [{ ...found, needs: [] }] } };
}

/** An open launch goes on with today's plan, but never with the plan of something else. */
export function refuseOther(plan: Plan, before: Plan): void {
  if (plan.app === before.app && plan.environment === before.environment) return;
  fail({
    kind: 'conflict',
    what: `the plan is now for ${plan.app} in ${plan.environment}; the launch is of ${before.app} to ${before.environment}`,
    next: 'put the name back in holdpoint.yaml, or abort the launch and start a new one',
  });
}

/** SHA-256 over the steps and what their evidence depends on. */
export function planDigest(plan: Plan): Digest {
  const facts = plan.steps.map(({ id, inputs }) => [id, Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1))]);
  return `sha256:${createHash('sha256').update(JSON.stringify(facts)).digest('hex')}` as Digest;
}
