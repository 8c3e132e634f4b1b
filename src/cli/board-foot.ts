import type { Decision } from '../evidence/decision.ts';
import { problemLines } from '../evidence/problem.ts';
import { reasonsToHold } from '../plan/finding.ts';
import type { LaunchState, StepState } from '../plan/state.ts';
import type { StepId, StepPlan } from '../plan/step.ts';
import type { Tally } from '../plan/tally.ts';
import { tally } from '../plan/tally.ts';
import type { BoardSettings, BoardView } from './board.ts';
import type { Fold } from './board-tracks.ts';
import { findingLines } from './findings.ts';
import { shellWord } from './invocation.ts';
import type { Colours } from './output.ts';
import { cut, harmless, width, wrap } from './text.ts';
import { lengthText } from './time.ts';

/** Text is not wrapped wider than this: long lines are hard to read. */
const WIDEST_TEXT = 120;

/** Below the tracks: what holds and the commands that go on, decisions, window, tally, end. */
export function foot(view: BoardView, settings: BoardSettings, fold: Fold): string[] {
  const columns = Math.min(settings.columns, WIDEST_TEXT);
  return [
    ...holdLines(view, settings, columns, fold),
    ...faultLines(view, settings, columns),
    ...decisionLines(view, settings, columns),
    ...windowLines(view, settings, columns),
    ...wrap(tallyText(tally(view.state)), columns),
    ...endLines(view, settings, columns),
  ];
}

/** Findings shown for a step that holds; the rest is in its entry. */
const MOST_REASONS = 3;

type HeldStep = { readonly step: StepPlan; readonly state: StepState & { kind: 'held' } };

function holdLines({ plan, state }: BoardView, settings: BoardSettings, columns: number, fold: Fold): string[] {
  const { colours } = settings;
  const held = plan.steps.flatMap((step): HeldStep[] => {
    const at = state.steps.get(step.id);
    return at?.kind === 'held' ? [{ step, state: at }] : [];
  });
  if (held.length === 0) return [];
  const title = `Held by ${held.length === 1 ? 'a step' : `${held.length} steps`}`;
  const lines = held.flatMap((step) => {
    const because = reasonLines(step, settings, columns - 4);
    const shown = fold === 'nothing' ? because : because.slice(0, 1);
    return [
      ...heldTitle(step, columns, colours),
      ...shown.map((line) => `    ${line}`),
      ...goOnLines(step.step.id, state, settings, columns, fold),
    ];
  });
  return [colours.bold(colours.red(title)), ...lines, ''];
}

function heldTitle({ step }: HeldStep, columns: number, colours: Colours): string[] {
  const indent = 2 + width(step.id) + 2;
  const [first = '', ...more] = wrap(step.title, columns - indent);
  return [`  ${colours.bold(step.id)}  ${first}`, ...more.map((line) => `${' '.repeat(indent)}${line}`)];
}

function reasonLines({ state }: HeldStep, { colours }: BoardSettings, room: number): string[] {
  if (state.problem !== undefined) return problemLines(state.problem).flatMap((line) => wrapped(harmless(line), room));
  const reasons = reasonsToHold(state.findings);
  if (reasons.length === 0) return ['nothing was measured'];
  const more = reasons.length - MOST_REASONS;
  return [
    ...reasons.slice(0, MOST_REASONS).flatMap((finding) => findingLines(finding, room, colours)),
    ...(more > 0 ? [colours.dim(`and ${more} more`)] : []),
  ];
}

/** The commands that go on from here, ready to be typed; of a launch that is over, only those that look. */
function goOnLines(id: StepId, state: LaunchState, settings: BoardSettings, columns: number, fold: Fold): string[] {
  const { colours, prefix } = settings;
  const step = shellWord(id);
  const over = state.closed !== undefined || state.end.kind === 'aborted';
  const retry = `${prefix} retry ${step} --by NAME`;
  const logs = `${prefix} logs ${step}`;
  if (fold !== 'nothing') return over ? [] : [`    ${colours.cyan(cut(`${retry}  (or waive, logs)`, columns - 4))}`];
  const commands = over
    ? [`${logs} --launch ${shellWord(state.launch)}`]
    : [retry, `${prefix} waive ${step} --by NAME --reason TEXT`, logs];
  return commands.map((command) => `    ${colours.cyan(command)}`);
}

/** Wrapped, keeping the indentation that {@link problemLines} gives. */
function wrapped(line: string, columns: number): string[] {
  if (width(line) <= columns) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  return wrap(line, columns - indent.length).map((l) => `${indent}${l}`);
}

function faultLines({ problem, faults }: BoardView, { colours }: BoardSettings, columns: number): string[] {
  const all = [
    ...(problem === undefined ? [] : [{ title: 'The launch cannot go on by itself', problem }]),
    ...[...faults].map(([step, fault]) => ({ title: `${step} cannot be carried out`, problem: fault })),
  ];
  return all.flatMap(({ title, problem: found }) => [
    colours.red(title),
    ...problemLines(found).flatMap((line) => wrapped(harmless(line), columns - 2).map((l) => `  ${l}`)),
    '',
  ]);
}

function decisionLines({ state }: BoardView, { colours }: BoardSettings, columns: number): string[] {
  const lines = [...state.steps].flatMap(([id, at]) => {
    if (at.kind === 'waived') return [`${id} waived by ${personText(at.waiver)}: ${at.waiver.reason}`];
    if (at.kind !== 'exempt') return [];
    return at.findings.flatMap(({ exemption, objective, verdict }) =>
      exemption === undefined || verdict.kind === 'pass'
        ? []
        : [`${id} ${objective.id} exempt until ${exemption.lastDay} by ${exemption.owner}: ${exemption.reason}`],
    );
  });
  if (lines.length === 0) return [];
  return [...lines.flatMap((l) => wrap(harmless(l), columns).map((line) => colours.yellow(line))), ''];
}

const personText = ({ by }: Decision): string => `${by.name} (identity ${by.identity})`;

function windowLines({ state }: BoardView, { colours }: BoardSettings, columns: number): string[] {
  const window = state.opened?.window;
  if (window === undefined) return [];
  if (window.length >= window.planned) return [`Window ${lengthText(window.length)}, as planned`];
  const text = `Window ${lengthText(window.length)} instead of ${lengthText(window.planned)}: go-live is provisional, never confirmed`;
  return wrap(text, columns).map((line) => colours.yellow(line));
}

/** What is always said, and what only where there is some of it. */
export function tallyText(t: Tally): string {
  const always = [`${t.passed} passed`, `${t.failed} failed`, `${t.unknown} unknown`];
  const some: readonly (readonly [number, string])[] = [
    [t.usedAgain, 'used again'],
    [t.warned, 'warned'],
    [t.waived, 'waived'],
    [t.exempt, 'exempt'],
    [t.notApplicable, 'not applicable'],
    [t.open, 'open'],
  ];
  return [...always, ...some.flatMap(([n, word]) => (n === 0 ? [] : [`${n} ${word}`]))].join(', ');
}

const HELD = 'The launch is held: nothing goes on until somebody retries, waives or aborts';

function endLines({ state }: BoardView, { colours, prefix }: BoardSettings, columns: number): string[] {
  const { end, closed, decisions } = state;
  if (closed?.end === 'checked') return [end.kind === 'complete' ? 'Checked' : colours.red('Checked, and not met')];
  switch (end.kind) {
    case 'going':
      return [];
    case 'held':
      return wrap(HELD, columns).map((line) => colours.red(line));
    case 'complete': {
      const window = state.opened?.window;
      const provisional = window !== undefined && window.length < window.planned;
      if (closed?.end !== 'launched') return ['Every step has gone on'];
      return [colours.green(provisional ? 'Launched, provisionally' : 'Launched')];
    }
    case 'empty':
      return wrap('No step of the plan applies to this app: nothing was shown, so nothing is green', columns);
    case 'aborted': {
      const abort = decisions.find((d) => d.kind === 'abort');
      const why = abort === undefined ? '' : ` by ${personText(abort)}: ${abort.reason}`;
      return wrap(harmless(`Aborted${why}. ${prefix} launch begins a new one`), columns).map((l) => colours.red(l));
    }
  }
}
