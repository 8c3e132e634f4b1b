import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Planned } from '../src/engine/request.ts';
import { exactly, type Measurement } from '../src/evidence/measurement.ts';
import type { Objective } from '../src/evidence/objective.ts';
import { type Digest, days, instant, milliseconds, minutes } from '../src/evidence/units.ts';
import type { Attempt, Step, StepId } from '../src/plan/step.ts';

/** A step that does no harm: it marks in a file that it ran, and measures a count. */
export type Toy = Partial<Pick<Step, 'needs' | 'inputs' | 'tokens' | 'retry' | 'applies' | 'objectives'>> & {
  /** How long it runs, in ms. */
  readonly lasts?: number;
  /** A file: it runs until that is there, so that a test decides and no clock does. */
  readonly until?: string;
  /** Runs in the middle of the attempt. */
  readonly during?: (attempt: Attempt) => Promise<void> | void;
  readonly value?: number;
  readonly note?: string;
  /** Prints no line while it runs. */
  readonly silent?: boolean;
};

export const objective = (more: Partial<Objective> = {}): Objective => ({
  id: 'violations',
  metric: 'toy.violations',
  comparator: '==',
  threshold: 0,
  unit: 'count',
  gate: 'hold',
  maximumAge: days(1),
  minimumSamples: 1,
  source: 'the toy plan',
  ...more,
});

export function measured(value: number, more: Partial<Measurement> = {}): Measurement {
  const now = instant(Date.now());
  return {
    metric: 'toy.violations',
    unit: 'count',
    of: '',
    observed: exactly(value, 1),
    quietness: { kind: 'indifferent' },
    from: now,
    to: now,
    host: 'local',
    method: { kind: 'file', text: 'toy' },
    artefacts: [],
    ...more,
  };
}

/** What the toys have done, by the file that they mark: `STEP ATTEMPT begun|ended` a line. */
export type Marks = { mark(attempt: Attempt, step: string, what: 'begun' | 'ended'): void; lines(): string[] };

export const marksIn = (file: string): Marks => ({
  mark: ({ launch, number }, step, what) => appendFileSync(file, `${launch} ${step} ${number} ${what}\n`),
  lines: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []),
});

export function toyStep(id: StepId, toy: Toy, marks: Marks): Step {
  return {
    id,
    task: 'A.1',
    title: `toy ${id}`,
    needs: toy.needs ?? [],
    inputs: toy.inputs ?? {},
    applies: toy.applies ?? { kind: 'applies' },
    tokens: toy.tokens ?? [],
    estimate: milliseconds(toy.lasts ?? 10),
    objectives: toy.objectives ?? [objective()],
    retry: toy.retry ?? { kind: 'never' },
    run: async (attempt) => {
      marks.mark(attempt, id, 'begun');
      if (!toy.silent) attempt.progress(`${id} runs`);
      await toy.during?.(attempt);
      while (toy.until && !existsSync(toy.until)) await pause(20, undefined, { signal: attempt.signal });
      if (toy.lasts) await pause(toy.lasts, undefined, { signal: attempt.signal });
      marks.mark(attempt, id, 'ended');
      return [measured(toy.value ?? 0, toy.note === undefined ? {} : { note: toy.note })];
    },
  };
}

export const toyPlan = (steps: readonly Step[], environment = 'production'): Planned => ({
  plan: { app: 'toy', environment, steps, exemptions: [] },
  host: 'local',
  runtime: 'process',
  window: { length: minutes(2), planned: days(1) },
});

export const digestOf = (letter: string): Digest => `sha256:${letter.repeat(64)}` as Digest;
