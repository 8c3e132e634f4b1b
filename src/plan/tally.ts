import type { LaunchState, StepState } from './state.ts';

/**
 * How many steps stand where. Each step is counted once, and only `passed` means that its objectives were met by
 * evidence of this launch; evidence from an earlier launch is counted by itself.
 */
export type Tally = Readonly<
  Record<
    'passed' | 'usedAgain' | 'warned' | 'failed' | 'unknown' | 'waived' | 'exempt' | 'notApplicable' | 'open',
    number
  >
>;

export function tally(launch: LaunchState): Tally {
  const count = {
    passed: 0,
    usedAgain: 0,
    warned: 0,
    failed: 0,
    unknown: 0,
    waived: 0,
    exempt: 0,
    notApplicable: 0,
    open: 0,
  };
  for (const step of launch.steps.values()) count[column(step)]++;
  return count;
}

/** Which column of the tally a step belongs to. A held step is `failed` only if a verdict says so; else it is `unknown`. */
export function column(step: StepState): keyof Tally {
  switch (step.kind) {
    case 'not-applicable':
      return 'notApplicable';
    case 'waiting':
    case 'ready':
    case 'running':
    case 'cancelled':
      return 'open';
    case 'passed':
      return step.evidence === 'own' ? 'passed' : 'usedAgain';
    case 'held':
      return step.findings.some((f) => f.objective.gate === 'hold' && f.verdict.kind === 'fail') ? 'failed' : 'unknown';
    default:
      return step.kind;
  }
}
