import type { Instant } from '../evidence/units.ts';
import type { LaunchState } from '../plan/state.ts';
import type { StepId } from '../plan/step.ts';

export type Due = { readonly step: StepId; readonly attempt: number };

/** What the state asks for next. Pure: the whole of the scheduling that is not waiting. */
export type Agenda = {
  /** Attempts to be started, or, after a restart, to be joined. */
  readonly due: readonly Due[];
  /** When the next attempt becomes due by itself. */
  readonly next: Instant | undefined;
  readonly close: 'launched' | 'aborted' | undefined;
};

/**
 * @param inFlight whether this process is at an attempt already
 */
export function agenda(state: LaunchState, now: Instant, inFlight: (due: Due) => boolean): Agenda {
  const due: Due[] = [];
  let next: Instant | undefined;
  const aborted = state.decisions.some((decision) => decision.kind === 'abort');
  for (const [step, at] of state.steps) {
    if (at.kind === 'running') due.push({ step, attempt: at.attempt.number });
    if (at.kind !== 'ready' || aborted) continue;
    if (at.notBefore <= now) due.push({ step, attempt: at.attempt });
    else if (next === undefined || at.notBefore < next) next = at.notBefore;
  }
  const close = state.end.kind === 'aborted' ? 'aborted' : state.end.kind === 'complete' ? 'launched' : undefined;
  return { due: due.filter((d) => !inFlight(d)), next, close };
}
