import type { Problem } from '../evidence/problem.ts';
import type { Milliseconds } from '../evidence/units.ts';
import { between } from '../evidence/units.ts';
import type { Entry, Finding } from '../plan/finding.ts';
import { findings } from '../plan/finding.ts';
import { markOfAttempt, markOfFinding, markOfStep } from '../plan/mark.ts';
import type { AttemptRecord, StepState } from '../plan/state.ts';
import type { StepPlan } from '../plan/step.ts';
import type { Block, Inline } from './document.ts';
import {
  asked,
  attemptOf,
  certainty,
  code,
  entryOf,
  figure,
  heading,
  joined,
  length,
  lengthOf,
  line,
  list,
  listed,
  marked,
  moment,
  name,
  paragraph,
  prose,
  span,
  table,
} from './document.ts';
import type { DocumentSource } from './source.ts';
import { entriesOf, findingsOf, stateOf } from './source.ts';

/** Everything that the ledger holds of a step: where it stands, every attempt, what was asked and measured, and how. */
export function stepSection(source: DocumentSource, step: StepPlan): Block[] {
  const state = stateOf(source, step);
  return [
    heading(3, joined(code(step.id), prose(':')), name(step.title)),
    paragraph(standing(source, step, state)),
    ...attempts(source, step),
    ...asksAndFinds(findingsOf(source, step)),
    ...ways(entriesOf(source, step)),
  ];
}

/** One line: the mark, and what a reader must know beside it. */
export function standing(source: DocumentSource, step: StepPlan, state: StepState): Inline {
  const mark = marked(markOfStep(state));
  switch (state.kind) {
    case 'not-applicable':
      return line(joined(mark, prose(':')), name(state.because));
    case 'waiting':
      return line(joined(mark, prose(' for')), listed(state.on.map(code)));
    case 'ready':
      return line(joined(mark, prose(':')), prose('nothing was measured yet'));
    case 'running':
      return line(mark, prose('since'), moment(state.since));
    case 'waived':
      return line(
        joined(mark, prose(',')),
        ran(source, step, state.attempt),
        prose('– gone past by'),
        name(state.waiver.by.name),
        prose('(identity not verified):'),
        name(state.waiver.reason),
      );
    case 'held':
      return line(joined(mark, prose(',')), ran(source, step, state.attempt), ...problem(state.problem));
    case 'cancelled':
      return line(joined(mark, prose(',')), ran(source, step, state.attempt));
    case 'passed':
    case 'warned':
    case 'exempt': {
      const stands = joined(prose('; stands until '), moment(state.until));
      return state.evidence === 'own'
        ? line(joined(mark, prose(',')), joined(ran(source, step, state.attempt), stands))
        : line(
            joined(mark, prose(':')),
            prose('evidence of launch'),
            joined(code(state.attempt.launch), prose(',')),
            joined(length(ageOf(source, state.attempt)), prose(' old,')),
            prose('same inputs,'),
            joined(lengthOf(state.attempt), stands),
          );
    }
  }
}

const ageOf = (source: DocumentSource, attempt: AttemptRecord): Milliseconds =>
  between(attempt.end?.at ?? attempt.startedAt, source.now);

/** `attempt 3 of 3, 62 s [entry 41]` */
function ran(source: DocumentSource, step: StepPlan, attempt: AttemptRecord): Inline {
  const all = source.launch.attempts.get(step.id) ?? [];
  return joined(attemptOf(attempt, all), prose(', '), lengthOf(attempt));
}

/** What went wrong and what to do; never the output of a command, which nobody has read for secrets. */
const problem = (of: Problem | undefined): Inline[] =>
  of === undefined ? [] : [joined(prose('– '), name(of.what), prose('; next: '), name(of.next))];

/** Every attempt of this launch, where there was more than one. */
function attempts(source: DocumentSource, step: StepPlan): Block[] {
  const all = source.launch.attempts.get(step.id) ?? [];
  if (all.length < 2) return [];
  return [
    table(
      [prose('attempt'), prose('came to'), prose('started'), prose('took'), prose('missed')],
      all.map((attempt) => [
        attemptOf(attempt, all),
        marked(markOfAttempt(step, attempt, source.plan.exemptions, source.now)),
        moment(attempt.startedAt),
        lengthOf(attempt),
        missedBy(source, step, attempt),
      ]),
    ),
  ];
}

/** What an attempt that ran to its end did not meet, with its figures; why the others did not run to theirs. */
function missedBy({ plan, now }: DocumentSource, step: StepPlan, attempt: AttemptRecord): Inline {
  const how = attempt.end?.how;
  if (how?.kind === 'errored') return name(how.problem.what);
  if (how?.kind !== 'completed') return prose('–');
  const missed = findings(step.id, step.objectives, attempt.entries, plan.exemptions, now).filter(
    (f) => f.verdict.kind !== 'pass',
  );
  if (missed.length === 0) return prose('nothing');
  return listed(missed.map((f) => line(asked(f.objective), prose('was'), figure(f.entry, f.objective.threshold))));
}

/** What was asked, what was measured, and the verdict. */
export function asksAndFinds(all: readonly Finding[]): Block[] {
  if (all.length === 0) return [];
  const missed = all.filter((f) => f.verdict.kind !== 'pass');
  return [
    table(
      [prose('verdict'), prose('asked'), prose('gate'), prose('measured'), prose('interval and n'), prose('source')],
      all.map((f) => [
        marked(markOfFinding(f)),
        asked(f.objective),
        name(f.objective.gate),
        line(figure(f.entry, f.objective.threshold), ...what(f.entry)),
        certainty(f.entry),
        name(f.objective.source),
      ]),
    ),
    ...(missed.length === 0
      ? []
      : [list(missed.map((f) => line(marked(markOfFinding(f)), name(f.verdict.because), ...reference(f.entry))))]),
  ];
}

/** What of: only where the measurement is not about the whole app. */
const what = (entry: Entry | undefined): Inline[] =>
  entry === undefined || entry.measurement.of === '' ? [] : [line(prose('of'), name(entry.measurement.of))];

const reference = (entry: Entry | undefined): Inline[] => (entry === undefined ? [] : [entryOf(entry)]);

/** How each measurement was made, so that another person can look again. */
function ways(entries: readonly Entry[]): Block[] {
  if (entries.length === 0) return [];
  const way = (entry: Entry): Inline => {
    const { measurement: m } = entry;
    return line(
      joined(name(m.metric), prose(':')),
      figure(entry),
      ...what(entry),
      prose('by'),
      name(m.method.kind),
      code(m.method.text),
      prose('on'),
      joined(name(m.host), prose(',')),
      span(m.from, m.to),
      ...(m.quietness.kind === 'disturbed' ? [prose('– machine disturbed:'), name(m.quietness.reason)] : []),
      ...(m.note === undefined ? [] : [prose('–'), name(m.note)]),
    );
  };
  return [paragraph(prose('How it was measured:')), list(entries.map(way))];
}
