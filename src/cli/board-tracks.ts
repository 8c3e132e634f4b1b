import type { MarkWord } from '../plan/mark.ts';
import type { StepState } from '../plan/state.ts';
import type { StepId, StepPlan } from '../plan/step.ts';
import type { Task, Track } from '../plan/task.ts';
import { TASKS, TRACKS } from '../plan/task.ts';
import type { BoardSettings, BoardView } from './board.ts';
import type { Colours } from './output.ts';
import type { StepWords } from './step-words.ts';
import { looksOf, stepWords } from './step-words.ts';
import { cut, harmless, padEnd, sideBySide, width, wrap } from './text.ts';

/** How much of the tracks is folded away, for a board that has to fit. */
export type Fold =
  | 'nothing'
  /** Steps that went well, counted below their task. */
  | 'done'
  /** Everything but what runs or holds. */
  | 'all-but-live'
  /** One line a track, and what runs. */
  | 'tasks';

/** From this width on the three tracks stand side by side. */
const SIDE_BY_SIDE = 100;
const GAP = 3;

/** The three tracks with their tasks and steps: side by side where there is room, else one after the other. */
export function tracks(view: BoardView, settings: BoardSettings, fold: Fold): string[] {
  if (fold === 'tasks') return [...TRACKS.flatMap((track) => trackLines(track, view, settings)), ''];
  const side = settings.columns >= SIDE_BY_SIDE;
  const columns = side ? Math.floor((settings.columns - GAP * (TRACKS.length - 1)) / TRACKS.length) : settings.columns;
  const blocks = TRACKS.map(({ id, title }) => [
    settings.colours.bold(`${id}  ${title}`),
    ...TASKS.filter((task) => task.track === id).flatMap((task) => taskLines(task, view, settings, columns, fold)),
  ]);
  if (side) return [...sideBySide(blocks, columns, GAP), ''];
  return blocks.flatMap((block) => [...block, '']);
}

type Row = { readonly step: StepPlan; readonly state: StepState; readonly words: StepWords };

const rowsOf = ({ plan, state: launch, waiting, now }: BoardView): Row[] =>
  plan.steps.flatMap((step) => {
    const state = launch.steps.get(step.id);
    if (state === undefined) return [];
    const said = stepWords(step, state, launch.attempts.get(step.id) ?? [], now);
    const behind = waiting.get(step.id);
    const words =
      behind === undefined ? said : { ...said, remarks: [`host in use: ${behind.join(', ')}`, ...said.remarks] };
    return [{ step, state, words }];
  });

function trackLines({ id, title }: Track, view: BoardView, settings: BoardSettings): string[] {
  const { columns, colours } = settings;
  const rows = rowsOf(view).filter(({ step }) => step.id.startsWith(`${id}.`));
  const name = `${id}  ${title}`;
  const came = rows.length === 0 ? 'not built' : counted(rows);
  const running = rows.filter(({ state }) => state.kind === 'running');
  return [
    `${colours.bold(padEnd(name, 15))}  ${colours.dim(cut(came, columns - 17))}`,
    ...running.map(({ step, words }) => {
      const { symbol, ascii, colour } = looksOf(words.mark);
      const line = cut(`${settings.unicode ? symbol : ascii} ${step.id}  ${words.word}`, columns - INDENT);
      return `${' '.repeat(INDENT)}${colour(colours)(line)}`;
    }),
  ];
}

function taskLines(task: Task, view: BoardView, settings: BoardSettings, columns: number, fold: Fold): string[] {
  const { colours } = settings;
  const title = `${task.id} ${task.title}`;
  const rows = rowsOf(view).filter(({ step }) => step.task === task.id);
  if (rows.length === 0) return folded(title, 'not built', columns, colours);
  const shown = rows.filter(({ words }) => stays(words.mark, fold));
  if (shown.length === 0) return folded(title, counted(rows), columns, colours);
  const names = Math.max(...shown.map(({ step }) => width(shortName(step.id))));
  const hidden = rows.length - shown.length;
  return [
    cut(title, columns),
    ...shown.flatMap((row) => stepLines(row, view, settings, columns, names)),
    ...(hidden === 0 ? [] : [colours.dim(cut(`    and ${counted(rows.filter((r) => !shown.includes(r)))}`, columns))]),
  ];
}

const LIVE: ReadonlySet<MarkWord> = new Set(['failed', 'unknown', 'running']);
const DONE: ReadonlySet<MarkWord> = new Set(['pass', 'used again', 'not applicable']);

function stays(mark: MarkWord, fold: Fold): boolean {
  if (fold === 'nothing') return true;
  return fold === 'done' ? !DONE.has(mark) : LIVE.has(mark);
}

/** A task on one line; where that is too narrow, what is said of it goes below. */
function folded(title: string, what: string, columns: number, colours: Colours): string[] {
  const aligned = Math.max(width(title), 30);
  const room = columns - 2 - width(what);
  if (width(title) > room) return [cut(title, columns), colours.dim(`    ${cut(what, columns - 4)}`)];
  return [`${padEnd(title, Math.min(aligned, room))}  ${colours.dim(what)}`];
}

/** `6 pass, 1 not applicable` */
function counted(rows: readonly Row[]): string {
  const counts = new Map<MarkWord, number>();
  for (const { words } of rows) counts.set(words.mark, (counts.get(words.mark) ?? 0) + 1);
  return [...counts].map(([mark, n]) => `${n} ${looksOf(mark).word}`).join(', ');
}

const shortName = (id: StepId): string => id.slice(id.indexOf('/') + 1);

/** Longest word beside a step: `not applicable`. */
const WORD = 14;
const INDENT = 2;

function stepLines(row: Row, view: BoardView, settings: BoardSettings, columns: number, names: number): string[] {
  const { colours, unicode } = settings;
  const { step, words } = row;
  const looks = looksOf(words.mark);
  const paint = looks.colour(colours);
  const symbol = paint(unicode ? looks.symbol : looks.ascii);
  const nameRoom = Math.min(names, Math.max(8, columns - INDENT - 2 - 1 - WORD));
  const name = shortName(step.id);
  const start = `${' '.repeat(INDENT)}${symbol} `;
  const below = ' '.repeat(INDENT + 2);
  const room = columns - INDENT - 2 - nameRoom - 2;
  const { fits, rest } = remarksThatFit(words, room);
  const said = row.state.kind === 'running' ? view.progress.get(step.id) : undefined;
  const restLines = wrap(rest, columns - INDENT - 2);
  const lines =
    width(name) > nameRoom
      ? [`${start}${cut(name, columns - INDENT - 2)}`, `${below}${paint(words.word)}${colours.dim(fits)}`]
      : [`${start}${padEnd(name, nameRoom)}  ${paint(words.word)}${colours.dim(fits)}`];
  return [
    ...lines,
    ...restLines.map((line) => `${below}${colours.dim(line)}`),
    ...(said === undefined ? [] : [`${below}${colours.dim(cut(harmless(said), columns - INDENT - 2))}`]),
  ];
}

/** As many remarks as fit behind the word; the others go below. */
function remarksThatFit(words: StepWords, room: number): { fits: string; rest: string } {
  let fits = '';
  const rest = [...words.remarks];
  for (let next = rest[0]; next !== undefined; next = rest[0]) {
    const more = fits === '' ? `  ${next}` : `, ${next}`;
    if (width(words.word) + width(fits) + width(more) > room) break;
    fits += more;
    rest.shift();
  }
  return { fits, rest: rest.join(', ') };
}
