import type { StepId } from '../../src/plan/step.ts';
import type { Fault, Red } from './fault.ts';
import type { Ground } from './ground.ts';
import { isGreen, type Look, look, lookText } from './looking.ts';

export type Finding = {
  readonly fault: Fault;
  readonly found: 'found' | 'missed';
  /** Why it counts as missed, and what was red that should not have been. */
  readonly missing: readonly string[];
  readonly falseAlarms: readonly string[];
  readonly looks: readonly Look[];
  readonly took: number;
};

/** Plants a fault, runs the steps that it is about, takes it away again. */
export async function plantAndLook(ground: Ground, fault: Fault): Promise<Finding> {
  const begun = performance.now();
  await ground.stand(fault.needs);
  const planted = await fault.plant(ground);
  const looks: Look[] = [];
  try {
    const steps = [...fault.mustTurnRed.map((r) => r.step), ...fault.staysGreen];
    for (const step of steps) looks.push(await look(planted.world, step, ground.attempt()));
  } finally {
    await planted.unplant();
  }
  const missing = fault.mustTurnRed.flatMap((red) => whyMissed(red, lookOf(looks, red.step)));
  const allowed = new Set<StepId>([...fault.mustTurnRed.map((r) => r.step), ...fault.mayTurnRed]);
  return {
    fault,
    found: missing.length === 0 ? 'found' : 'missed',
    missing,
    falseAlarms: looks.filter((l) => !allowed.has(l.step) && !isGreen(l)).map(lookText),
    looks,
    took: performance.now() - begun,
  };
}

function lookOf(looks: readonly Look[], step: StepId): Look {
  const found = looks.find((l) => l.step === step);
  if (!found) throw new RangeError(`${step} was not looked at`);
  return found;
}

/** Red for another reason is no find: the objective that the fault is about must be missed. */
function whyMissed(red: Red, seen: Look): string[] {
  if ('problem' in red) return red.problem.test(seen.problem ?? '') ? [] : [lookText(seen)];
  const unmet = red.objectives.filter((id) => !seen.missed.some((m) => m.objective === id));
  return unmet.length === 0 ? [] : [`${unmet.join(', ')} did not miss: ${lookText(seen)}`];
}
