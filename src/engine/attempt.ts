import type { Finished, Leaf, LeafBody, NewLeaf } from '../evidence/leaf.ts';
import type { Measurement } from '../evidence/measurement.ts';
import { absent } from '../evidence/measurement.ts';
import { fail, type Problem, ProblemError, problemOf } from '../evidence/problem.ts';
import type { Clock, Digest, Milliseconds } from '../evidence/units.ts';
import { toldTo } from '../hosts/telling.ts';
import type { Step } from '../plan/step.ts';
import type { AttemptId } from './attempt-id.ts';
import { diskFull, isDiskFull } from './persistence.ts';

/** The moments of an attempt at which the kill matrix ends the process. */
export type Boundary =
  | 'before-started'
  | 'after-started'
  | 'before-append'
  | 'after-append'
  | 'before-checkpoint'
  | 'after-checkpoint';

/** What one attempt needs of its launch. */
export type AttemptContext = {
  readonly id: AttemptId;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The leaves that this attempt has already, in their order. */
  known(): Promise<readonly Leaf[]>;
  /** Waits until the step may begin; undefined where it may not any more (aborted, no longer in the plan). */
  admitted(): Promise<{ readonly step: Step; readonly release: () => void } | undefined>;
  append(leaves: readonly NewLeaf[]): Promise<void>;
  subject(): Digest | undefined;
  progress(line: string): void;
  /** Blots every secret that is known now out of a text. */
  withoutSecrets(): (text: string) => string;
  artefact(name: string, content: string | Uint8Array, retention: Milliseconds): Promise<Digest>;
  boundary(name: Boundary, id: AttemptId): void;
};

/**
 * One attempt, from looking up to its last leaf.
 *
 * `started` is written before the step acts. What it measured and `finished` go into the ledger together or not at all,
 * so there is no attempt of which a part is recorded. An attempt that has `started` and no `finished` when it is looked
 * up was cut off by the end of an earlier process: it is closed as interrupted, and the next attempt observes anew.
 */
export async function performAttempt(context: AttemptContext): Promise<void> {
  const known = await context.known();
  if (known.some((leaf) => leaf.body.kind === 'finished')) return;
  if (known.length > 0) return finish(context, [], { kind: 'interrupted' });
  const admitted = await context.admitted();
  if (admitted === undefined) return;
  try {
    context.boundary('before-started', context.id);
    await context.append([leaf(context, 0, { kind: 'started', inputs: admitted.step.inputs, at: context.clock() })]);
    context.boundary('after-started', context.id);
    const { measured, end } = await run(context, admitted.step);
    context.boundary('before-append', context.id);
    await finishOrSayWhyNot(context, measured, end);
    context.boundary('after-append', context.id);
  } finally {
    admitted.release();
  }
}

type Ran = { readonly measured: readonly LeafBody[]; readonly end: Finished['end'] };

async function run(context: AttemptContext, step: Step): Promise<Ran> {
  const { id, signal, clock } = context;
  try {
    const { progress, artefact } = context;
    const attempt = { launch: id.launch, number: id.attempt, signal, clock, progress, artefact };
    const measurements = await toldTo(progress, () => step.run(attempt));
    const change = context.withoutSecrets();
    const measured = measuredBodies(step, measurements).map((body) => textsIn(body, change));
    return { measured, end: { kind: 'completed' } };
  } catch (thrown) {
    if (signal.aborted) return { measured: [], end: { kind: 'cancelled' } };
    return {
      measured: [],
      end: { kind: 'errored', problem: textsIn(problemOfStep(thrown, step.id), context.withoutSecrets()) },
    };
  }
}

/** The same data with each text in it changed. Notes and last lines quote apps, and an app may say anything. */
function textsIn<T extends LeafBody | Problem>(data: T, change: (text: string) => string): T {
  const changed: unknown = JSON.parse(JSON.stringify(data), (_key, value: unknown) =>
    typeof value === 'string' ? change(value) : value,
  );
  return changed as T;
}

function problemOfStep(thrown: unknown, step: string): Problem {
  if (!(thrown instanceof ProblemError) && isDiskFull(thrown))
    return { ...diskFull(step), next: `free some space, then \`holdpoint retry ${step}\`` };
  return problemOf(thrown, step);
}

function measuredBodies(step: Step, measurements: readonly Measurement[]): LeafBody[] {
  if (!Array.isArray(measurements))
    return fail({
      kind: 'internal',
      what: 'the step returned something that is no list of measurements',
      where: step.id,
      next: 'mend the step where it is defined',
    });
  return measurements.map((measurement) => ({
    kind: 'measured',
    measurement: withNumbers(measurement),
    objectives: step.objectives.filter(
      (o) => o.metric === measurement.metric && (o.of === undefined || o.of === measurement.of),
    ),
  }));
}

/** Numbers that are none cannot be written down; what they stand for is an observation that is absent. */
function withNumbers(measurement: Measurement): Measurement {
  const seen = measurement.observed;
  if (seen.kind !== 'value') return measurement;
  if ([seen.value, ...seen.interval, seen.n, seen.resolution].every(Number.isFinite)) return measurement;
  return { ...measurement, observed: absent(`the observation is not a number: ${seen.value} of n = ${seen.n}`) };
}

/** Leaves that the ledger refuses (too large, malformed) end the attempt as errored, with the ledger's own reason. */
async function finishOrSayWhyNot(
  context: AttemptContext,
  measured: readonly LeafBody[],
  end: Finished['end'],
): Promise<void> {
  try {
    await finish(context, measured, end);
  } catch (thrown) {
    if (measured.length === 0) throw thrown;
    await finish(context, [], { kind: 'errored', problem: problemOf(thrown, context.id.step) });
  }
}

async function finish(context: AttemptContext, measured: readonly LeafBody[], end: Finished['end']): Promise<void> {
  const finished: LeafBody = { kind: 'finished', end, at: context.clock() };
  await context.append([...measured, finished].map((body, i) => leaf(context, i + 1, body)));
}

const leaf = ({ id, subject }: AttemptContext, sequence: number, body: LeafBody): NewLeaf => ({
  key: { launch: id.launch, step: id.step, attempt: id.attempt, sequence },
  body,
  release: subject(),
});
