import type { Problem } from '../evidence/problem.ts';
import type { Instant } from '../evidence/units.ts';
import type { LaunchState } from '../plan/state.ts';
import type { Plan, StepId } from '../plan/step.ts';
import { foot } from './board-foot.ts';
import type { Fold } from './board-tracks.ts';
import { tracks } from './board-tracks.ts';
import type { Colours } from './output.ts';
import { cut, width, wrap } from './text.ts';
import { elapsedText } from './time.ts';

/** What a board shows. Where each step stands follows from the ledger alone. */
export type BoardView = {
  readonly plan: Plan;
  readonly state: LaunchState;
  readonly now: Instant;
  /** The last line that each running step said. */
  readonly progress: ReadonlyMap<StepId, string>;
  /** Which attempts have what a step that could run waits for, until the host is quiet enough. */
  readonly waiting: ReadonlyMap<StepId, readonly string[]>;
  /** Why the launch cannot go on by itself, apart from holds: its plan cannot be made, for example. */
  readonly problem: Problem | undefined;
  /** Attempts that cannot be recorded or carried out by a fault of ours. */
  readonly faults: ReadonlyMap<StepId, Problem>;
};

export type BoardSettings = {
  readonly columns: number;
  /** A board that is redrawn in place must fit; infinite for one that is printed once. */
  readonly rows: number;
  readonly colours: Colours;
  readonly unicode: boolean;
  /** What a person types before a command's name to reach this launch: `holdpoint`. */
  readonly prefix: string;
};

/** The launch as lines of text: head, tracks, holds with the commands that go on, window, tally. */
export function board(view: BoardView, settings: BoardSettings): string[] {
  for (const fold of FOLDS) {
    const lines = [...head(view, settings), '', ...tracks(view, settings, fold), ...foot(view, settings, fold)];
    if (rowsOf(lines, settings.columns) <= settings.rows) return lines;
  }
  const lines = [...head(view, settings), '', ...tracks(view, settings, 'tasks'), ...foot(view, settings, 'tasks')];
  const hidden = rowsOf(lines, settings.columns) - settings.rows + 1;
  const more = settings.colours.dim(`… ${hidden} more lines: ${settings.prefix} status`);
  // The end of the board is what a person has to act on, so the middle goes.
  return [...lines.slice(0, 2), more, ...lines.slice(2 + hidden)];
}

const FOLDS: readonly Fold[] = ['nothing', 'done', 'all-but-live', 'tasks'];

function head({ plan, state, now }: BoardView, { colours, columns }: BoardSettings): string[] {
  const { opened, closed, launch } = state;
  const name = `${plan.app} to ${plan.environment}`;
  const where = opened === undefined ? '' : `on ${opened.host}, ${opened.runtime}`;
  const since = opened === undefined ? '' : elapsedText((closed?.at ?? now) - opened.at);
  const rest = [where, `launch ${launch}`, since].filter((part) => part !== '').join('   ');
  const line = `${name}   ${rest}`;
  if (width(line) <= columns) return [`${colours.bold(name)}   ${colours.dim(rest)}`];
  return [colours.bold(cut(name, columns)), ...wrap(rest, columns).map((l) => colours.dim(l))];
}

/** Commands to be typed are never cut, so that on a narrow terminal one of them can take two rows. */
const rowsOf = (lines: readonly string[], columns: number): number =>
  lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(width(line) / columns)), 0);
