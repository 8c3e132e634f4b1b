import type { EngineEvent } from '../engine/event.ts';
import type { Clock } from '../evidence/units.ts';
import { systemClock } from '../evidence/units.ts';
import type { LaunchState } from '../plan/state.ts';
import type { StepId } from '../plan/step.ts';
import { tally } from '../plan/tally.ts';
import type { BoardView } from './board.ts';
import { board } from './board.ts';
import { tallyText } from './board-foot.ts';
import type { ExitStatus } from './command.ts';
import { eventLine } from './event-line.ts';
import { LiveArea } from './live-area.ts';
import type { Output } from './output.ts';
import { showsUnicode } from './output.ts';
import { clockText } from './time.ts';

/** A launch that can be looked at and listened to. */
export type LaunchSource = {
  view(): Promise<BoardView>;
  /** How it stands, then every event from there on; ends when the resident process does, or with `signal`. */
  events(signal: AbortSignal): AsyncIterable<Heard>;
};

export type Heard = EngineEvent | { readonly kind: 'picture'; readonly view: BoardView };

export type Following = {
  readonly out: Output;
  readonly prefix: string;
  /** Fires at Ctrl-C. */
  readonly interrupted: AbortSignal;
  readonly clock?: Clock;
};

/** How often the running times move on a terminal. */
const TICK = 1_000;
/** How often the launch is looked at where no event says that something happened. */
const LOOK = 5_000;
/** Many events in a row are drawn once. */
const SETTLE = 100;

/** What a launch comes to as an exit status. */
export function exitStatus({ end, closed }: LaunchState): ExitStatus {
  if (closed?.end === 'checked') return end.kind === 'complete' ? 0 : 1;
  if (closed !== undefined) return closed.end === 'launched' ? 0 : 1;
  if (end.kind === 'going') return 3;
  // Every step has gone on, but the launch has not been written down as launched yet.
  return end.kind === 'complete' ? 3 : 1;
}

/** True once nothing more will happen by itself. */
const isSettled = (state: LaunchState): boolean => exitStatus(state) !== 3;

/** Follows a launch until it is settled: redrawn in place on a terminal, else one line an event. */
export async function follow(source: LaunchSource, following: Following): Promise<ExitStatus> {
  const { out, interrupted } = following;
  const over = new AbortController();
  const stop = () => over.abort();
  interrupted.addEventListener('abort', stop, { once: true });
  try {
    const show = out.terminal && !out.json ? onTerminal : inLines;
    const last = await show(source, following, over);
    if (interrupted.aborted) return leave(following);
    if (!out.json) printBoard(last, following);
    return exitStatus(last.state);
  } finally {
    interrupted.removeEventListener('abort', stop);
    over.abort();
  }
}

function leave({ out, prefix }: Following): ExitStatus {
  out.remark(`The launch goes on. \`${prefix} attach\` comes back to it, \`${prefix} abort\` ends it.`);
  return 130;
}

export function printBoard(view: BoardView, { out, prefix }: Pick<Following, 'out' | 'prefix'>): void {
  const { colours } = out;
  const settings = { columns: out.columns(), rows: Number.POSITIVE_INFINITY, colours, unicode: showsUnicode(), prefix };
  for (const line of board(view, settings)) out.line(line);
}

async function inLines(source: LaunchSource, { out }: Following, over: AbortController): Promise<BoardView> {
  const watch = watching(source, over, () => undefined);
  let stands = false;
  const sayOnce = (view: BoardView) => {
    if (!stands) out.line(out.json ? JSON.stringify(standing(view)) : standingLine(view));
    stands = true;
  };
  try {
    for await (const event of source.events(over.signal)) {
      if (event.kind === 'picture') {
        sayOnce(event.view);
        continue;
      }
      const line = out.json ? JSON.stringify(event) : eventLine(event);
      if (line !== undefined) out.line(line);
      if (settles(event)) watch.look();
    }
  } finally {
    watch.end();
  }
  const last = await source.view();
  // Settled before the stream had begun.
  sayOnce(last);
  return last;
}

/** Where a launch stands when somebody comes to it: the lines that follow begin in the middle. */
function standing({ state, now }: BoardView) {
  const running = [...state.steps].flatMap(([id, { kind }]) => (kind === 'running' ? [id] : []));
  return { kind: 'standing', at: now, launch: state.launch, end: state.end.kind, tally: tally(state), running };
}

function standingLine(view: BoardView): string {
  const { at, launch, tally, running } = standing(view);
  const runs = running.length === 0 ? '' : `; running ${running.join(', ')}`;
  return `${clockText(at)}  ${launch}: ${tallyText(tally)}${runs}`;
}

/** The events after which a launch may be settled; only the ledger says whether it is. */
const settles = (event: EngineEvent): boolean =>
  event.kind === 'launch-closed' || event.kind === 'launch-state' || event.kind === 'step-finished';

async function onTerminal(source: LaunchSource, following: Following, over: AbortController): Promise<BoardView> {
  const { out, prefix } = following;
  const clock = following.clock ?? systemClock;
  const area = new LiveArea(out);
  const said = new Map<StepId, string>();
  let view = await source.view();
  const draw = () => {
    const settings = {
      columns: out.columns(),
      // The cursor stands on the row below.
      rows: out.rows() - 1,
      colours: out.colours,
      unicode: showsUnicode(),
      prefix,
    };
    area.draw(board({ ...view, now: clock(), progress: new Map([...view.progress, ...said]) }, settings));
  };
  const watch = watching(source, over, (seen) => {
    view = seen;
    draw();
  });
  draw();
  const tick = setInterval(draw, TICK);
  process.stdout.on('resize', draw);
  try {
    for await (const event of source.events(over.signal)) {
      if (event.kind === 'picture') continue;
      if (event.kind === 'progress') said.set(event.step, event.line);
      else watch.look();
      if (event.kind === 'step-finished') said.delete(event.step);
    }
  } finally {
    watch.end();
    clearInterval(tick);
    process.stdout.off('resize', draw);
    area.clear();
  }
  return source.view();
}

/**
 * Looks at the launch at the beginning, when asked, and every few seconds in case an event was missed; ends the
 * following once the launch is settled.
 */
function watching(source: LaunchSource, over: AbortController, seen: (view: BoardView) => void) {
  const look = gathered(async () => {
    if (over.signal.aborted) return;
    const view = await source.view();
    if (over.signal.aborted) return;
    seen(view);
    if (isSettled(view.state)) over.abort();
  }, SETTLE);
  look();
  const timer = setInterval(look, LOOK);
  return { look, end: () => clearInterval(timer) };
}

/** Does `work` once for many calls within `pause`, and never twice at the same time. */
function gathered(work: () => Promise<void>, pause: number): () => void {
  let planned = false;
  let working = false;
  let again = false;
  const start = () => {
    planned = true;
    setTimeout(async () => {
      planned = false;
      working = true;
      // A picture that could not be had is asked for again later; that the stream has ended says when to give up.
      await work().catch(() => undefined);
      working = false;
      if (again) start();
      again = false;
    }, pause);
  };
  return () => {
    if (working) again = true;
    else if (!planned) start();
  };
}
