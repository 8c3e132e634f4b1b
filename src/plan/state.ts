import type { Decision, Waiver } from '../evidence/decision.ts';
import type { Closed, Finished, Leaf, Opened, Started } from '../evidence/leaf.ts';
import { DECISION_STEP, LAUNCH_STEP } from '../evidence/leaf.ts';
import type { Problem } from '../evidence/problem.ts';
import type { Digest, Instant } from '../evidence/units.ts';
import type { Entry, Finding } from './finding.ts';
import { expiry, findings, outcome } from './finding.ts';
import type { Plan, RetryPolicy, StepId, StepPlan } from './step.ts';

/** What an attempt of a step came to, with every fact that the ledger holds of it. */
export type AttemptRecord = {
  readonly launch: string;
  readonly number: number;
  readonly startedAt: Instant;
  readonly inputs: Readonly<Record<string, Digest>>;
  readonly entries: readonly Entry[];
  /** The entry of `started`; the first that stands for this attempt. */
  readonly index: number;
  readonly end: { readonly at: Instant; readonly how: Finished['end'] } | undefined;
};

type Judged = { readonly attempt: AttemptRecord; readonly findings: readonly Finding[] };

/**
 * Where a step stands. `used-again` evidence comes from an earlier launch with the same inputs; `cut-off` evidence is
 * none: an attempt that was interrupted is run again as a new attempt.
 */
export type StepState =
  | { readonly kind: 'not-applicable'; readonly because: string }
  | { readonly kind: 'waiting'; readonly on: readonly StepId[] }
  | {
      readonly kind: 'ready';
      readonly attempt: number;
      readonly notBefore: Instant;
      readonly because: 'first' | 'asked' | 'interrupted' | 'back-off' | 'stale';
    }
  | ({ readonly kind: 'running'; readonly since: Instant } & Omit<Judged, 'findings'>)
  | ({
      readonly kind: 'passed' | 'warned' | 'exempt';
      readonly evidence: 'own' | 'used-again';
      readonly until: Instant;
    } & Judged)
  | ({ readonly kind: 'waived'; readonly waiver: Waiver } & Judged)
  | ({ readonly kind: 'held'; readonly problem: Problem | undefined } & Judged)
  | ({ readonly kind: 'cancelled' } & Judged);

/** The states past which a step that needs it may start. */
const GOES_ON: ReadonlySet<StepState['kind']> = new Set(['passed', 'warned', 'exempt', 'waived', 'not-applicable']);
export const goesOn = (state: StepState): boolean => GOES_ON.has(state.kind);

export type LaunchEnd =
  /** Something runs or can run. */
  | { readonly kind: 'going' }
  /** Nothing can go on until somebody retries, waives or aborts. */
  | { readonly kind: 'held'; readonly by: readonly StepId[] }
  /** Every step that applies has gone on, and there was at least one. */
  | { readonly kind: 'complete' }
  /** The plan has no step that applies: nothing was shown, so nothing is green. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'aborted' };

export type LaunchState = {
  readonly launch: string;
  readonly opened: Opened | undefined;
  readonly closed: Closed | undefined;
  readonly steps: ReadonlyMap<StepId, StepState>;
  /** Every attempt of this launch, in order: none is hidden by a later one. */
  readonly attempts: ReadonlyMap<StepId, readonly AttemptRecord[]>;
  readonly decisions: readonly Decision[];
  readonly end: LaunchEnd;
};

/** An attempt that was cut off is started again this often in a row; then it holds, so that a crash cannot loop for ever. */
export const MOST_INTERRUPTIONS = 20;

/**
 * The only source of board, scheduler, documents and exit status.
 *
 * @param plan what is asked, with today's inputs and objectives
 * @param launch the launch that is looked at
 * @param leaves the ledger's leaves of this app and environment, all launches, in ledger order
 */
export function state(plan: Plan, launch: string, leaves: readonly Leaf[], now: Instant): LaunchState {
  const own = leaves.filter((l) => l.key.launch === launch);
  const records = attemptRecords(leaves);
  const decisions = own.flatMap((l) =>
    l.key.step === DECISION_STEP && l.body.kind === 'decided' ? [l.body.decision] : [],
  );
  const opened = launchLeaf(own, 'opened');
  const closed = launchLeaf(own, 'closed');

  const steps = new Map<StepId, StepState>();
  const attempts = new Map<StepId, readonly AttemptRecord[]>();
  const byId = new Map(plan.steps.map((s) => [s.id, s]));
  const visit = (step: StepPlan): StepState => {
    const known = steps.get(step.id);
    if (known) return known;
    const history = records.get(step.id) ?? [];
    const mine = history.filter((r) => r.launch === launch);
    attempts.set(step.id, mine);
    const blockers = step.needs.filter((need) => {
      const needed = byId.get(need);
      return needed !== undefined && !goesOn(visit(needed));
    });
    const result = stepState({
      plan,
      step,
      mine,
      history,
      decisions,
      blockers,
      now,
      launchIsOver: closed !== undefined,
    });
    steps.set(step.id, result);
    return result;
  };
  for (const step of plan.steps) visit(step);
  return { launch, opened, closed, steps, attempts, decisions, end: launchEnd(steps, decisions) };
}

function launchLeaf<K extends 'opened' | 'closed'>(
  own: readonly Leaf[],
  kind: K,
): (K extends 'opened' ? Opened : Closed) | undefined {
  const found = own.find((l) => l.key.step === LAUNCH_STEP && l.body.kind === kind);
  return found?.body as (K extends 'opened' ? Opened : Closed) | undefined;
}

/** Gathers the leaves of each attempt; attempts come out in the order in which they started. */
export function attemptRecords(leaves: readonly Leaf[]): Map<string, AttemptRecord[]> {
  const byStep = new Map<string, AttemptRecord[]>();
  const open = new Map<string, { started: Leaf<Started>; entries: Entry[]; end: AttemptRecord['end'] }>();
  for (const leaf of leaves) {
    const key = `${leaf.key.launch}\0${leaf.key.step}\0${leaf.key.attempt}`;
    if (leaf.body.kind === 'started') {
      open.set(key, { started: leaf as Leaf<Started>, entries: [], end: undefined });
    } else if (leaf.body.kind === 'measured') {
      open.get(key)?.entries.push({ index: leaf.index, measurement: leaf.body.measurement });
    } else if (leaf.body.kind === 'finished') {
      const attempt = open.get(key);
      if (attempt) attempt.end = { at: leaf.body.at, how: leaf.body.end };
    }
  }
  for (const { started, entries, end } of open.values()) {
    const { launch, step, attempt } = started.key;
    const record = {
      launch,
      number: attempt,
      startedAt: started.body.at,
      inputs: started.body.inputs,
      entries,
      index: started.index,
      end,
    };
    const list = byStep.get(step);
    if (list) list.push(record);
    else byStep.set(step, [record]);
  }
  return byStep;
}

type Question = {
  readonly plan: Plan;
  readonly step: StepPlan;
  /** The attempts of this launch. */
  readonly mine: readonly AttemptRecord[];
  /** The attempts of every launch. */
  readonly history: readonly AttemptRecord[];
  readonly decisions: readonly Decision[];
  readonly blockers: readonly StepId[];
  readonly now: Instant;
  readonly launchIsOver: boolean;
};

function stepState(q: Question): StepState {
  const { step, mine, blockers, now } = q;
  if (step.applies.kind === 'not-applicable') return step.applies;
  const last = mine.at(-1);
  if (last && last.end === undefined) return { kind: 'running', since: last.startedAt, attempt: last };
  if (last && !askedAgain(q, last)) {
    const settled = settledState(q, last);
    if (settled) return settled;
  }
  const reusable = last === undefined ? evidenceToUseAgain(q) : undefined;
  if (reusable) return reusable;
  if (blockers.length > 0) return { kind: 'waiting', on: blockers };
  return nextAttempt(step.retry, mine, q, now);
}

/** Where the last attempt leaves the step, or undefined where another attempt is due. */
function settledState(q: Question, last: AttemptRecord): StepState | undefined {
  const { plan, step, now } = q;
  const judged: Judged = {
    attempt: last,
    findings: findings(step.id, step.objectives, last.entries, plan.exemptions, now),
  };
  const how = last.end?.how;
  if (how?.kind === 'cancelled') return { kind: 'cancelled', ...judged };
  const waiver = q.decisions.find(
    (d): d is Waiver => d.kind === 'waiver' && d.step === step.id && d.attempt === last.number,
  );
  if (waiver) return { kind: 'waived', waiver, ...judged };
  if (how?.kind === 'interrupted')
    return interruptionsInARow(q.mine) > MOST_INTERRUPTIONS
      ? { kind: 'held', problem: undefined, ...judged }
      : undefined;
  if (how?.kind === 'errored')
    return dueAgain(step.retry, q.mine) ? undefined : { kind: 'held', problem: how.problem, ...judged };
  const came = outcome(judged.findings);
  if (came === 'missed') return { kind: 'held', problem: undefined, ...judged };
  const until = expiry(judged.findings) ?? now;
  if (until < now && !q.launchIsOver) return undefined;
  return { kind: came, evidence: 'own', until, ...judged };
}

/** The latest completed attempt of any launch that had today's inputs, is met by today's objectives and is young enough. */
function evidenceToUseAgain(q: Question): StepState | undefined {
  const { plan, step, history, now } = q;
  for (const attempt of [...history].reverse()) {
    if (attempt.end?.how.kind !== 'completed' || !sameInputs(attempt.inputs, step.inputs)) continue;
    const found = findings(step.id, step.objectives, attempt.entries, plan.exemptions, now);
    const until = expiry(found);
    const came = outcome(found);
    // The latest attempt on these inputs decides: an older pass does not outlive a newer failure.
    if (came === 'missed' || until === undefined || until < now) return undefined;
    // Of a clock that was ahead: how old it really is nobody can say.
    if (found.some((f) => f.entry !== undefined && f.entry.measurement.to > now)) return undefined;
    return { kind: came, evidence: 'used-again', until, attempt, findings: found };
  }
  return undefined;
}

function sameInputs(a: Readonly<Record<string, Digest>>, b: Readonly<Record<string, Digest>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

const askedAgain = (q: Question, last: AttemptRecord): boolean =>
  q.decisions.some((d) => d.kind === 'retry' && d.step === q.step.id && d.attempt === last.number);

function endsInARow(mine: readonly AttemptRecord[], kind: Finished['end']['kind']): number {
  let count = 0;
  for (const record of [...mine].reverse()) {
    if (record.end?.how.kind !== kind) break;
    count++;
  }
  return count;
}

const interruptionsInARow = (mine: readonly AttemptRecord[]): number => endsInARow(mine, 'interrupted');

const dueAgain = (retry: RetryPolicy, mine: readonly AttemptRecord[]): boolean =>
  retry.kind === 'back-off' && endsInARow(mine, 'errored') < retry.attempts;

function nextAttempt(retry: RetryPolicy, mine: readonly AttemptRecord[], q: Question, now: Instant): StepState {
  const last = mine.at(-1);
  const attempt = (last?.number ?? 0) + 1;
  if (last === undefined) return { kind: 'ready', attempt, notBefore: now, because: 'first' };
  if (askedAgain(q, last)) return { kind: 'ready', attempt, notBefore: now, because: 'asked' };
  if (last.end?.how.kind === 'interrupted') return { kind: 'ready', attempt, notBefore: now, because: 'interrupted' };
  if (last.end?.how.kind === 'errored' && retry.kind === 'back-off') {
    const wait = retry.first * retry.factor ** (endsInARow(mine, 'errored') - 1);
    return { kind: 'ready', attempt, notBefore: (last.end.at + wait) as Instant, because: 'back-off' };
  }
  return { kind: 'ready', attempt, notBefore: now, because: 'stale' };
}

function launchEnd(steps: ReadonlyMap<StepId, StepState>, decisions: readonly Decision[]): LaunchEnd {
  const states = [...steps.entries()];
  const running = states.some(([, s]) => s.kind === 'running');
  if (decisions.some((d) => d.kind === 'abort')) return running ? { kind: 'going' } : { kind: 'aborted' };
  if (running || states.some(([, s]) => s.kind === 'ready')) return { kind: 'going' };
  if (states.every(([, s]) => s.kind === 'not-applicable')) return { kind: 'empty' };
  const held = states.filter(([, s]) => s.kind === 'held' || s.kind === 'cancelled').map(([id]) => id);
  if (held.length > 0) return { kind: 'held', by: held };
  return states.every(([, s]) => goesOn(s))
    ? { kind: 'complete' }
    : { kind: 'held', by: states.filter(([, s]) => s.kind === 'waiting').map(([id]) => id) };
}
