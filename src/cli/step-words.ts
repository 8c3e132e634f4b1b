import type { Instant } from '../evidence/units.ts';
import type { MarkWord } from '../plan/mark.ts';
import { markOfStep } from '../plan/mark.ts';
import type { AttemptRecord, StepState } from '../plan/state.ts';
import type { StepPlan } from '../plan/step.ts';
import type { Colours } from './output.ts';
import { ageText, elapsedText, lengthText } from './time.ts';

type Looks = {
  readonly symbol: string;
  /** The same where the locale has no Unicode. */
  readonly ascii: string;
  readonly word: string;
  readonly colour: (c: Colours) => (text: string) => string;
};

const LOOKS: Readonly<Record<MarkWord, Looks>> = {
  pass: { symbol: '✓', ascii: '+', word: 'pass', colour: (c) => c.green },
  'used again': { symbol: '↺', ascii: '=', word: 'used again', colour: (c) => c.green },
  warned: { symbol: '!', ascii: '!', word: 'warned', colour: (c) => c.yellow },
  failed: { symbol: '✗', ascii: 'x', word: 'FAIL', colour: (c) => c.red },
  unknown: { symbol: '?', ascii: '?', word: 'unknown', colour: (c) => c.magenta },
  'cut off': { symbol: '?', ascii: '?', word: 'cut off', colour: (c) => c.magenta },
  waived: { symbol: '◊', ascii: 'w', word: 'waived', colour: (c) => c.yellow },
  exempt: { symbol: '◊', ascii: 'e', word: 'exempt', colour: (c) => c.yellow },
  statement: { symbol: '§', ascii: 's', word: 'statement', colour: (c) => c.yellow },
  'not applicable': { symbol: '-', ascii: '-', word: 'not applicable', colour: (c) => c.dim },
  'not built': { symbol: '-', ascii: '-', word: 'not built', colour: (c) => c.dim },
  running: { symbol: '▸', ascii: '>', word: 'running', colour: (c) => c.cyan },
  ready: { symbol: '·', ascii: '.', word: 'ready', colour: (c) => c.dim },
  waiting: { symbol: '·', ascii: '.', word: 'waiting', colour: (c) => c.dim },
  cancelled: { symbol: '×', ascii: '#', word: 'cancelled', colour: (c) => c.dim },
};

export const looksOf = (mark: MarkWord): Looks => LOOKS[mark];

export type StepWords = {
  /** Drawn by the kernel, which lets a tick come only out of verdicts. */
  readonly mark: MarkWord;
  readonly word: string;
  /** What else there is to say, most important first; each can be left out or stand on a line of its own. */
  readonly remarks: readonly string[];
};

/** What a board says of one step. */
export function stepWords(
  step: StepPlan,
  state: StepState,
  attempts: readonly AttemptRecord[],
  now: Instant,
): StepWords {
  const mark = markOfStep(state).word;
  const word = LOOKS[mark].word;
  switch (state.kind) {
    case 'not-applicable':
      return { mark, word, remarks: [state.because] };
    case 'waiting':
      return { mark, word, remarks: [`for ${briefly(state.on)}`] };
    case 'ready':
      return { mark, word, remarks: readyRemarks(state, now) };
    case 'running':
      return {
        mark,
        word: `${word} ${elapsedText(now - state.since)}`,
        remarks: [`of about ${elapsedText(step.estimate)}`, ...attemptRemark(state.attempt, attempts)],
      };
    case 'passed':
    case 'warned':
    case 'exempt':
      return { mark, word, remarks: evidenceRemarks(state, attempts, now) };
    case 'waived':
      return { mark, word, remarks: [`by ${state.waiver.by.name}`, ...attemptRemark(state.attempt, attempts)] };
    case 'held':
      return { mark, word, remarks: ['held', ...attemptRemark(state.attempt, attempts)] };
    case 'cancelled':
      return { mark, word, remarks: attemptRemark(state.attempt, attempts) };
  }
}

/** `attempt 3 of 3`; nothing where there was only one. */
function attemptRemark(shown: AttemptRecord, all: readonly AttemptRecord[]): string[] {
  const last = all.at(-1)?.number ?? shown.number;
  return last > 1 ? [`attempt ${shown.number} of ${last}`] : [];
}

function evidenceRemarks(
  state: StepState & { kind: 'passed' | 'warned' | 'exempt' },
  attempts: readonly AttemptRecord[],
  now: Instant,
): string[] {
  const { attempt, evidence } = state;
  if (evidence === 'used-again') {
    const entry = attempt.entries.at(-1);
    const again = state.kind === 'passed' ? [] : ['used again'];
    return [
      ...again,
      `entry ${entry?.index ?? attempt.index}, ${ageText(entry?.measurement.to ?? attempt.startedAt, now)}`,
    ];
  }
  const took = attempt.end === undefined ? [] : [lengthText(attempt.end.at - attempt.startedAt)];
  return [...took, ...attemptRemark(attempt, attempts)];
}

function readyRemarks(state: StepState & { kind: 'ready' }, now: Instant): string[] {
  const why = {
    first: [],
    asked: ['asked for'],
    interrupted: ['was cut off'],
    'back-off': ['could not run'],
    stale: ['evidence too old'],
  }[state.because];
  const wait = state.notBefore > now ? [`in ${elapsedText(state.notBefore - now)}`] : [];
  return [...(state.attempt > 1 ? [`attempt ${state.attempt}`] : []), ...why, ...wait];
}

function briefly(ids: readonly string[]): string {
  const [first = '', ...more] = ids;
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}
