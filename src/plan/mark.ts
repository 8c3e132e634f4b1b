import type { Exemption } from '../evidence/decision.ts';
import type { Verdict } from '../evidence/judge.ts';
import { isVerdict } from '../evidence/judge.ts';
import type { Instant } from '../evidence/units.ts';
import type { Finding } from './finding.ts';
import { findings, outcome } from './finding.ts';
import type { AttemptRecord, StepState } from './state.ts';
import type { StepPlan } from './step.ts';

/** Known to this file alone: nobody else can draw a mark. */
declare const drawn: unique symbol;

/** The word that a reader meets, and its sign in plain text. Only `pass` carries a tick. */
const SIGNS = {
  pass: '[x]',
  failed: '[ ]',
  unknown: '[?]',
  warned: '[!]',
  waived: '[w]',
  exempt: '[e]',
  'used again': '[=]',
  'not applicable': '[-]',
  statement: '[s]',
  'not built': '[/]',
  waiting: '[.]',
  ready: '[.]',
  running: '[>]',
  'cut off': '[?]',
  cancelled: '[c]',
} as const;

export type MarkWord = keyof typeof SIGNS;
export type Mark = { readonly word: MarkWord; readonly sign: string; readonly [drawn]: true };

const draw = (word: MarkWord): Mark => ({ word, sign: SIGNS[word] }) as Mark;

/** `[x] pass` */
export const markText = (mark: Mark): string => `${mark.sign} ${mark.word}`;

/** What can be drawn without a verdict, none of it a tick. */
export const STATEMENT: Mark = draw('statement');
export const NOT_BUILT: Mark = draw('not built');
export const NEVER_MEASURED: Mark = draw('unknown');

/** The mark of a verdict. What did not come out of `judge` is unknown, whatever it says of itself. */
export function mark(verdict: Verdict): Mark {
  if (!isVerdict(verdict)) return draw('unknown');
  return draw(verdict.kind === 'fail' ? 'failed' : verdict.kind);
}

/** The mark of one finding: what is missed but covered by an exemption is shown as exempt, never as a pass. */
export const markOfFinding = ({ verdict, exemption }: Finding): Mark => {
  const own = mark(verdict);
  return own.word !== 'pass' && exemption !== undefined ? draw('exempt') : own;
};

/** The mark of a step. A tick needs findings that were judged in this process and come to `passed`. */
export function markOfStep(state: StepState): Mark {
  switch (state.kind) {
    case 'not-applicable':
      return draw('not applicable');
    case 'waiting':
    case 'ready':
    case 'running':
    case 'waived':
    case 'cancelled':
      return draw(state.kind);
    case 'held':
      return state.problem === undefined ? missed(state.findings) : draw('unknown');
    case 'passed':
    case 'warned':
    case 'exempt': {
      const came = markOfFindings(state.findings);
      return came.word === 'pass' && state.evidence === 'used-again' ? draw('used again') : came;
    }
  }
}

/** The mark of one attempt, which later attempts do not change. Judged by today's objectives. */
export function markOfAttempt(
  step: StepPlan,
  attempt: AttemptRecord,
  exemptions: readonly Exemption[],
  now: Instant,
): Mark {
  switch (attempt.end?.how.kind) {
    case undefined:
      return draw('running');
    case 'errored':
      return draw('unknown');
    case 'interrupted':
      return draw('cut off');
    case 'cancelled':
      return draw('cancelled');
    case 'completed':
      return markOfFindings(findings(step.id, step.objectives, attempt.entries, exemptions, now));
  }
}

function markOfFindings(all: readonly Finding[]): Mark {
  if (!all.every((f) => isVerdict(f.verdict))) return draw('unknown');
  const came = outcome(all);
  return came === 'missed' ? missed(all) : draw(came === 'passed' ? 'pass' : came);
}

/** `failed` only where a verdict of a holding objective says so; everything else that is missed is unknown. */
const missed = (all: readonly Finding[]): Mark =>
  draw(all.some((f) => f.objective.gate === 'hold' && mark(f.verdict).word === 'failed') ? 'failed' : 'unknown');
