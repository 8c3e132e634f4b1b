import type { EngineEvent } from '../engine/event.ts';
import type { Decision } from '../evidence/decision.ts';
import type { Measurement } from '../evidence/measurement.ts';
import type { Problem } from '../evidence/problem.ts';
import { harmless } from './text.ts';
import { clockText } from './time.ts';

/** An event as one line for a log, with its time of day; undefined for what a log has no use for. */
export function eventLine(event: EngineEvent): string | undefined {
  const said = eventText(event);
  if (said === undefined) return undefined;
  const about = 'step' in event ? `${event.step}  ` : '';
  return harmless(`${clockText(event.at)}  ${about}${said}`).replaceAll('\n', ' ');
}

function eventText(event: EngineEvent): string | undefined {
  switch (event.kind) {
    case 'launch-opened':
      return `launch ${event.launch}: ${event.app} to ${event.environment}, by ${event.by}`;
    case 'launch-resumed':
      return `launch ${event.launch} goes on after a restart`;
    case 'launch-stuck':
      return `the plan cannot be made: ${problemText(event.problem)}`;
    case 'step-waiting':
      return `attempt ${event.attempt} waits for a quiet host (${event.tokens.join(', ')})`;
    case 'step-started':
      return event.attempt === 1 ? 'started' : `started, attempt ${event.attempt}`;
    case 'progress':
      return event.line;
    case 'measured':
      return `measured ${measurementText(event.measurement)}, entry ${event.entry}`;
    case 'step-finished':
      return finishedText(event);
    case 'step-fault':
      return `cannot be carried out: ${problemText(event.problem)}`;
    case 'decided':
      return decisionText(event.decision);
    case 'launch-state':
      return undefined;
    case 'launch-closed':
      return `launch ${event.launch} ${event.end}`;
    case 'store-down':
      return `everything waits: ${problemText(event.problem)}`;
    case 'store-up':
      return 'the ledger can be written again';
  }
}

const problemText = (problem: Problem): string =>
  `${problem.what}${problem.where === undefined ? '' : ` (${problem.where})`}; next: ${problem.next}`;

function measurementText({ metric, of, observed, unit, note }: Measurement): string {
  const what = of === '' ? metric : `${metric} of ${of}`;
  const seen =
    observed.kind === 'absent'
      ? `absent: ${observed.reason}`
      : `${observed.value}${unit === 'count' ? '' : ` ${unit}`} (n = ${observed.n})`;
  return `${what}: ${seen}${note === undefined ? '' : `; ${note}`}`;
}

/** The step's state, which comes from verdicts, and never how the attempt ended: one that completed may still hold. */
function finishedText({ end, state }: EngineEvent & { kind: 'step-finished' }): string {
  const how = {
    completed: '',
    interrupted: ', the attempt was cut off',
    cancelled: ', the attempt was cancelled',
    errored: end.kind === 'errored' ? `, the attempt could not run: ${problemText(end.problem)}` : '',
  }[end.kind];
  return `${state}${how}`;
}

export function decisionText(decision: Decision): string {
  const by = `by ${decision.by.name} (identity ${decision.by.identity})`;
  switch (decision.kind) {
    case 'waiver':
      return `${decision.step} attempt ${decision.attempt} waived ${by}: ${decision.reason}`;
    case 'retry':
      return `${decision.step} another attempt asked for ${by}`;
    case 'abort':
      return `aborted ${by}: ${decision.reason}`;
    case 'statement':
      return `${by} says: ${decision.says}`;
  }
}
