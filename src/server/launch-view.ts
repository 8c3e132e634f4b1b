import { attemptText } from '../engine/attempt-id.ts';
import type { LaunchSnapshot } from '../engine/engine.ts';
import type { LaunchRecord, Over } from '../engine/launch-record.ts';
import type { TokenWait } from '../engine/tokens.ts';
import type { Decision } from '../evidence/decision.ts';
import type { Finished, Leaf, WindowLength } from '../evidence/leaf.ts';
import { objectiveText } from '../evidence/objective.ts';
import type { Problem } from '../evidence/problem.ts';
import type { Instant, Milliseconds } from '../evidence/units.ts';
import type { Entry, Finding } from '../plan/finding.ts';
import { type CriticalPath, criticalPath } from '../plan/graph.ts';
import { type LaunchEnd, type LaunchState, type StepState, state } from '../plan/state.ts';
import type { Plan, StepId, StepPlan } from '../plan/step.ts';
import { type Tally, tally } from '../plan/tally.ts';

/**
 * A launch as it goes over the wire: plan and leaves. Whoever gets it computes the state from them with the kernel's own
 * `state`, so that each verdict is made by `judge` where it is shown, and none is ever sent.
 */
export type LaunchPicture = {
  readonly record: LaunchRecord;
  readonly leaves: readonly Leaf[];
  readonly asOf: Instant;
  readonly now: Instant;
  readonly said: Readonly<Record<string, string>>;
  readonly waiting: readonly TokenWait[];
  readonly problem?: Problem;
  readonly faults: Readonly<Record<string, Problem>>;
  readonly isOpen: boolean;
};

export const picture = (snapshot: LaunchSnapshot): LaunchPicture => ({
  record: { ...snapshot.record, plan: snapshot.plan },
  leaves: snapshot.leaves,
  asOf: snapshot.asOf,
  now: snapshot.now,
  said: Object.fromEntries(snapshot.said),
  waiting: snapshot.waiting,
  ...(snapshot.problem === undefined ? {} : { problem: snapshot.problem }),
  faults: Object.fromEntries(snapshot.faults),
  isOpen: snapshot.isOpen,
});

/** The state of a picture; the same function on the same leaves as in the resident process. */
export const stateOfPicture = ({ record, leaves, asOf }: LaunchPicture): LaunchState =>
  state(record.plan, record.launch, leaves, asOf);

/** One line of the history. */
export type LaunchSummary = {
  readonly launch: string;
  readonly kind: LaunchRecord['kind'];
  readonly app: string;
  readonly environment: string;
  readonly directory: string;
  readonly by: string;
  readonly askedAt: Instant;
  readonly isOpen: boolean;
  readonly over?: Over;
};

export const summary = (record: LaunchRecord, isOpen: boolean): LaunchSummary => ({
  launch: record.launch,
  kind: record.kind,
  app: record.plan.app,
  environment: record.plan.environment,
  directory: record.request.directory,
  by: record.request.by,
  askedAt: record.askedAt,
  isOpen,
  ...(record.over === undefined ? {} : { over: record.over }),
});

/** A finding as data. Its verdict is a copy for readers: nothing that takes a Verdict takes this. */
export type FindingView = {
  readonly objective: string;
  readonly text: string;
  readonly gate: Finding['objective']['gate'];
  readonly source: string;
  readonly verdict: { readonly kind: 'pass' | 'fail' | 'unknown'; readonly because: string };
  readonly entry?: Entry;
  readonly exemption?: Finding['exemption'];
};

export type AttemptView = {
  readonly launch: string;
  readonly number: number;
  readonly startedAt: Instant;
  readonly end?: { readonly at: Instant; readonly how: Finished['end'] };
};

export type StepView = Pick<StepPlan, 'id' | 'task' | 'title' | 'needs' | 'tokens' | 'estimate'> & {
  readonly state: StepState['kind'];
  readonly because?: string;
  readonly waitsOn?: readonly StepId[];
  readonly waitsForTokens?: TokenWait;
  readonly notBefore?: Instant;
  readonly elapsed?: Milliseconds;
  readonly evidence?: 'own' | 'used-again';
  readonly until?: Instant;
  readonly problem?: Problem;
  readonly findings: readonly FindingView[];
  readonly attempts: readonly AttemptView[];
  readonly said?: string;
};

/** One launch as JSON, for programs and pages. */
export type LaunchView = {
  readonly launch: string;
  readonly kind: LaunchRecord['kind'];
  readonly app: string;
  readonly environment: string;
  readonly by: string;
  readonly host?: string;
  readonly runtime?: string;
  readonly window?: WindowLength;
  readonly openedAt?: Instant;
  readonly closed?: { readonly end: string; readonly at: Instant };
  readonly isOpen: boolean;
  readonly end: LaunchEnd;
  readonly tally: Tally;
  readonly elapsed: Milliseconds;
  readonly criticalPath: CriticalPath;
  readonly problem?: Problem;
  readonly steps: readonly StepView[];
  readonly decisions: readonly Decision[];
};

/** Pure: the picture in the words of the state, with absolute times. */
export function launchView(seen: LaunchPicture): LaunchView {
  const { record, now } = seen;
  const at = stateOfPicture(seen);
  const { opened, closed } = at;
  return {
    launch: record.launch,
    kind: record.kind,
    app: record.plan.app,
    environment: record.plan.environment,
    by: record.request.by,
    ...(opened && { host: opened.host, runtime: opened.runtime, window: opened.window, openedAt: opened.at }),
    ...(closed && { closed: { end: closed.end, at: closed.at } }),
    isOpen: seen.isOpen,
    end: at.end,
    tally: tally(at),
    elapsed: ((closed?.at ?? now) - (opened?.at ?? record.askedAt)) as Milliseconds,
    criticalPath: criticalPath(record.plan.steps),
    ...(seen.problem && { problem: seen.problem }),
    steps: stepViews(record.plan, at, seen),
    decisions: at.decisions,
  };
}

const stepViews = (plan: Plan, at: LaunchState, seen: LaunchPicture): StepView[] =>
  plan.steps.flatMap((step) => {
    const found = at.steps.get(step.id);
    return found === undefined ? [] : [stepView(step, found, at, seen)];
  });

function stepView(step: StepPlan, found: StepState, at: LaunchState, seen: LaunchPicture): StepView {
  const { id, task, title, needs, tokens, estimate } = step;
  const attempts = at.attempts.get(id) ?? [];
  const next = found.kind === 'ready' ? found.attempt : attempts.at(-1)?.number;
  const key = attemptText({ launch: seen.record.launch, step: id, attempt: next ?? 0 });
  const waits = seen.waiting.find(({ who }) => who === key);
  const problem = seen.faults[key] ?? (found.kind === 'held' ? found.problem : undefined);
  const said = seen.said[id];
  return {
    ...{ id, task, title, needs, tokens, estimate },
    state: found.kind,
    ...('because' in found && { because: found.because }),
    ...('on' in found && { waitsOn: found.on }),
    ...(waits && { waitsForTokens: waits }),
    ...('notBefore' in found && { notBefore: found.notBefore }),
    ...elapsedOf(found, seen.now),
    ...('evidence' in found && { evidence: found.evidence, until: found.until }),
    ...(problem && { problem }),
    findings: 'findings' in found ? found.findings.map(findingView) : [],
    attempts: attempts.map(({ launch, number, startedAt, end }) => ({
      launch,
      number,
      startedAt,
      ...(end && { end }),
    })),
    ...(said !== undefined && { said }),
  };
}

function elapsedOf(found: StepState, now: Instant): { elapsed: Milliseconds } | undefined {
  if (found.kind === 'running') return { elapsed: (now - found.since) as Milliseconds };
  if (!('attempt' in found) || typeof found.attempt === 'number' || found.attempt.end === undefined) return undefined;
  return { elapsed: (found.attempt.end.at - found.attempt.startedAt) as Milliseconds };
}

const findingView = ({ objective, verdict, entry, exemption }: Finding): FindingView => ({
  objective: objective.id,
  text: objectiveText(objective),
  gate: objective.gate,
  source: objective.source,
  verdict: { kind: verdict.kind, because: verdict.because },
  ...(entry && { entry }),
  ...(exemption && { exemption }),
});
