import type { Problem } from '../evidence/problem.ts';
import { state } from '../plan/state.ts';
import type { StepId } from '../plan/step.ts';
import type { LaunchPicture } from '../server/launch-view.ts';
import type { BoardView } from './board.ts';

/** A launch as the resident process sends it, with its state computed here: no verdict ever comes over the wire. */
export function viewOf(picture: LaunchPicture): BoardView {
  const { record, leaves, asOf, now, said, waiting, problem, faults } = picture;
  const { plan, launch } = record;
  // Attempts are named `launch/step/number`, and a step's own name has a slash too.
  const about = (step: StepId) => (attempt: string) => attempt.startsWith(`${launch}/${step}/`);
  const each = <T>(find: (step: StepId) => T | undefined): Map<StepId, T> =>
    new Map(
      plan.steps.flatMap(({ id }): [StepId, T][] => {
        const found = find(id);
        return found === undefined ? [] : [[id, found]];
      }),
    );
  const own = (attempt: string): string => plan.steps.find(({ id }) => about(id)(attempt))?.id ?? attempt;
  return {
    plan,
    state: state(plan, launch, leaves, asOf),
    now,
    progress: each((id) => said[id]),
    waiting: each((id) => waiting.find(({ who }) => about(id)(who))?.heldBy.map(own)),
    problem,
    faults: each<Problem>((id) => Object.entries(faults).findLast(([attempt]) => about(id)(attempt))?.[1]),
  };
}
