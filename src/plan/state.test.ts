import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Exemption } from '../evidence/decision.ts';
import type { Finished, Leaf, LeafBody } from '../evidence/leaf.ts';
import { DECISION_STEP } from '../evidence/leaf.ts';
import type { Measurement, Observed } from '../evidence/measurement.ts';
import { absent, exactly } from '../evidence/measurement.ts';
import type { Objective } from '../evidence/objective.ts';
import type { Digest } from '../evidence/units.ts';
import { days, hours, instant, minutes, seconds } from '../evidence/units.ts';
import { MOST_INTERRUPTIONS, state } from './state.ts';
import type { Plan, StepId, StepPlan } from './step.ts';
import { tally } from './tally.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;
const NOW = instant(days(100));
const HERE = 'launch-2';
const BEFORE = 'launch-1';

const objective = (more: Partial<Objective> = {}): Objective => ({
  id: 'errors',
  metric: 'errors',
  comparator: '==',
  threshold: 0,
  unit: 'count',
  gate: 'hold',
  maximumAge: hours(24),
  minimumSamples: 1,
  source: 'plan',
  ...more,
});

const step = (id: StepId, more: Partial<StepPlan> = {}): StepPlan => ({
  id,
  task: id.split('/')[0] as StepPlan['task'],
  title: id,
  needs: [],
  inputs: { release: digest('a') },
  applies: { kind: 'applies' },
  tokens: [],
  estimate: seconds(1),
  objectives: [objective()],
  retry: { kind: 'never' },
  ...more,
});

const planOf = (steps: StepPlan[], exemptions: Exemption[] = []): Plan => ({
  app: 'toy',
  environment: 'production',
  steps,
  exemptions,
});

const measurement = (observed: Observed, at = NOW, more: Partial<Measurement> = {}): Measurement => ({
  metric: 'errors',
  unit: 'count',
  of: '',
  observed,
  quietness: { kind: 'indifferent' },
  from: at,
  to: at,
  host: 'local',
  method: { kind: 'request', text: 'GET /' },
  artefacts: [],
  ...more,
});

type Told = {
  readonly launch?: string;
  readonly at?: number;
  readonly attempt?: number;
  readonly inputs?: Record<string, Digest>;
  readonly seen?: readonly Measurement[];
  readonly end?: Finished['end'];
};

/** A ledger written down as a story: one line per attempt or decision. */
class Story {
  readonly leaves: Leaf[] = [];
  add(launch: string, id: string, attempt: number, sequence: number, body: LeafBody): this {
    this.leaves.push({
      index: this.leaves.length,
      key: { launch, step: id, attempt, sequence },
      body,
      release: undefined,
    });
    return this;
  }
  started(id: StepId, told: Told = {}): this {
    const { launch = HERE, attempt = 1, at = NOW, inputs = { release: digest('a') } } = told;
    return this.add(launch, id, attempt, 0, { kind: 'started', inputs, at: instant(at) });
  }
  ran(id: StepId, told: Told = {}): this {
    const {
      launch = HERE,
      attempt = 1,
      at = NOW,
      seen = [measurement(exactly(0, 1), instant(at))],
      end = { kind: 'completed' },
    } = told;
    this.started(id, told);
    seen.forEach((m, i) => {
      this.add(launch, id, attempt, i + 1, { kind: 'measured', measurement: m, objectives: [] });
    });
    return this.add(launch, id, attempt, seen.length + 1, { kind: 'finished', end, at: instant(at) });
  }
  decided(decision: 'waiver' | 'retry' | 'abort', target: StepId, attempt = 1): this {
    const by = { name: 'Ada', identity: 'not verified' } as const;
    const at = NOW;
    const sequence = this.leaves.filter((l) => l.key.step === DECISION_STEP).length;
    const made =
      decision === 'waiver'
        ? ({ kind: 'waiver', step: target, attempt, by, reason: 'known', at } as const)
        : decision === 'retry'
          ? ({ kind: 'retry', step: target, attempt, by, at } as const)
          : ({ kind: 'abort', by, reason: 'enough', at } as const);
    return this.add(HERE, DECISION_STEP, 0, sequence, { kind: 'decided', decision: made });
  }
}

const errored: Finished['end'] = {
  kind: 'errored',
  problem: { kind: 'host', what: 'no route', next: 'look at the cable' },
};

const one = (s: StepPlan, story: Story, now = NOW, exemptions: Exemption[] = []) => {
  const found = state(planOf([s], exemptions), HERE, story.leaves, now);
  return { ...found, step: found.steps.get(s.id) };
};

describe('a step', () => {
  const a = step('A.1/a');

  it('is ready when nothing was done and nothing is needed', () => {
    expect(one(a, new Story()).step).toMatchObject({ kind: 'ready', attempt: 1, because: 'first' });
  });

  it('waits for what it needs', () => {
    const b = step('A.1/b', { needs: ['A.1/a'] });
    expect(state(planOf([a, b]), HERE, [], NOW).steps.get('A.1/b')).toEqual({ kind: 'waiting', on: ['A.1/a'] });
  });

  it('runs from its started leaf on', () => {
    expect(one(a, new Story().started('A.1/a')).step).toMatchObject({ kind: 'running', since: NOW });
  });

  it('passes when every objective is met', () => {
    expect(one(a, new Story().ran('A.1/a')).step).toMatchObject({ kind: 'passed', evidence: 'own' });
  });

  it.each([
    ['fails', exactly(1, 5)],
    ['is unknown', absent('no series')],
    ['examined nothing', exactly(0, 0)],
  ])('holds when an objective %s', (_how, observed) => {
    const seen = [measurement(observed)];
    expect(one(a, new Story().ran('A.1/a', { seen })).step?.kind).toBe('held');
  });

  it('holds when it completed without measuring what was asked', () => {
    expect(one(a, new Story().ran('A.1/a', { seen: [] })).step?.kind).toBe('held');
  });

  it('holds when it has no objective at all', () => {
    expect(one(step('A.1/a', { objectives: [] }), new Story().ran('A.1/a')).step?.kind).toBe('held');
  });

  it('holds when one of several things measured misses the objective', () => {
    const seen = [measurement(exactly(0, 1), NOW, { of: 'web' }), measurement(exactly(3, 9), NOW, { of: 'agent' })];
    expect(one(a, new Story().ran('A.1/a', { seen })).step?.kind).toBe('held');
  });

  it('goes on without a tick when only a warn objective is missed', () => {
    const warned = step('A.1/a', {
      objectives: [objective(), objective({ id: 'soft', metric: 'soft', gate: 'warn' })],
    });
    expect(one(warned, new Story().ran('A.1/a')).step?.kind).toBe('warned');
  });

  it('has no tick when everything it asks is only to inform', () => {
    const informed = step('A.1/a', { objectives: [objective({ gate: 'inform' })] });
    expect(one(informed, new Story().ran('A.1/a')).step?.kind).toBe('warned');
  });

  it('is not applicable only because the plan says so', () => {
    const off = step('A.1/a', { applies: { kind: 'not-applicable', because: 'no database' } });
    expect(one(off, new Story().ran('A.1/a')).step?.kind).toBe('not-applicable');
  });
});

describe('decisions', () => {
  const a = step('A.1/a');
  const held = () => new Story().ran('A.1/a', { seen: [measurement(exactly(1, 1))] });

  it('a waiver goes past the attempt it names, and is never a pass', () => {
    const found = one(a, held().decided('waiver', 'A.1/a'));
    expect(found.step?.kind).toBe('waived');
    expect(found.end.kind).toBe('complete');
    expect(tally(found)).toMatchObject({ passed: 0, waived: 1 });
  });

  it('a waiver of an earlier attempt does not cover a later one', () => {
    const story = held().decided('waiver', 'A.1/a').decided('retry', 'A.1/a');
    story.ran('A.1/a', { attempt: 2, seen: [measurement(exactly(1, 1))] });
    expect(one(a, story).step?.kind).toBe('held');
  });

  it('a retry asks for the next attempt, and every attempt stays visible', () => {
    const story = held().decided('retry', 'A.1/a');
    expect(one(a, story).step).toMatchObject({ kind: 'ready', attempt: 2, because: 'asked' });
    story.ran('A.1/a', { attempt: 2 });
    const found = one(a, story);
    expect(found.step?.kind).toBe('passed');
    expect(found.attempts.get('A.1/a')).toHaveLength(2);
  });

  it('an exemption covers its objective until the end of its last day, and is never a pass', () => {
    const lastDay = new Date(NOW).toISOString().slice(0, 10);
    const exemption = { step: 'A.1/a', objective: 'errors', owner: 'Ada', reason: 'known', lastDay };
    expect(one(a, held(), NOW, [exemption]).step?.kind).toBe('exempt');
    expect(one(a, held(), instant(NOW + days(1)), [exemption]).step?.kind).toBe('held');
    expect(one(a, held(), NOW, [{ ...exemption, lastDay: 'soon' }]).step?.kind).toBe('held');
  });
});

describe('an attempt that could not run', () => {
  it('holds where the step asks for no second try', () => {
    const found = one(step('A.1/a'), new Story().ran('A.1/a', { seen: [], end: errored }));
    expect(found.step).toMatchObject({ kind: 'held', problem: { what: 'no route' } });
  });

  it('is tried again after a growing pause where the step asks for it, and holds in the end', () => {
    const retry = { kind: 'back-off', attempts: 3, first: seconds(1), factor: 2 } as const;
    const a = step('A.1/a', { retry });
    const story = new Story().ran('A.1/a', { seen: [], end: errored });
    expect(one(a, story).step).toMatchObject({ kind: 'ready', attempt: 2, notBefore: NOW + 1_000 });
    story.ran('A.1/a', { attempt: 2, seen: [], end: errored });
    expect(one(a, story).step).toMatchObject({ kind: 'ready', attempt: 3, notBefore: NOW + 2_000 });
    story.ran('A.1/a', { attempt: 3, seen: [], end: errored });
    expect(one(a, story).step?.kind).toBe('held');
  });

  it('is not tried again by itself when it ran and failed', () => {
    const retry = { kind: 'back-off', attempts: 3, first: seconds(1), factor: 2 } as const;
    const story = new Story().ran('A.1/a', { seen: [measurement(exactly(1, 1))] });
    expect(one(step('A.1/a', { retry }), story).step?.kind).toBe('held');
  });

  it('starts anew when it was cut off, but not for ever', () => {
    const story = new Story();
    const cut = (attempt: number) => story.ran('A.1/a', { attempt, seen: [], end: { kind: 'interrupted' } });
    cut(1);
    expect(one(step('A.1/a'), story).step).toMatchObject({ kind: 'ready', attempt: 2, because: 'interrupted' });
    for (let n = 2; n <= MOST_INTERRUPTIONS + 1; n++) cut(n);
    expect(one(step('A.1/a'), story).step?.kind).toBe('held');
  });
});

describe('evidence of an earlier launch', () => {
  const a = step('A.1/a');
  const hourAgo = NOW - hours(1);

  it('is used again when no input changed and it is young enough', () => {
    const story = new Story().ran('A.1/a', { launch: BEFORE, at: hourAgo });
    expect(one(a, story).step).toMatchObject({ kind: 'passed', evidence: 'used-again', until: hourAgo + hours(24) });
  });

  it.each([
    ['an input changed', { launch: BEFORE, at: hourAgo, inputs: { release: digest('b') } }],
    ['an input was added', { launch: BEFORE, at: hourAgo, inputs: { release: digest('a'), parts: digest('c') } }],
    ['it is too old', { launch: BEFORE, at: NOW - hours(25) }],
    ['a clock that was ahead dated it', { launch: BEFORE, at: NOW + hours(1) }],
    ['it was cut off', { launch: BEFORE, at: hourAgo, end: { kind: 'interrupted' } as const }],
    ['it failed', { launch: BEFORE, at: hourAgo, seen: [measurement(exactly(1, 1), instant(hourAgo))] }],
  ])('is measured afresh when %s', (_case, told: Told) => {
    expect(one(a, new Story().ran('A.1/a', told)).step?.kind).toBe('ready');
  });

  it('does not let an older pass outlive a newer failure', () => {
    const story = new Story()
      .ran('A.1/a', { launch: 'launch-0', at: NOW - hours(2) })
      .ran('A.1/a', { launch: BEFORE, at: hourAgo, seen: [measurement(exactly(2, 2), instant(hourAgo))] });
    expect(one(a, story).step?.kind).toBe('ready');
  });

  it('is held against the objectives of today', () => {
    const story = new Story().ran('A.1/a', {
      launch: BEFORE,
      at: hourAgo,
      seen: [measurement(exactly(0, 5), instant(hourAgo))],
    });
    expect(one(step('A.1/a', { objectives: [objective({ minimumSamples: 50 })] }), story).step?.kind).toBe('ready');
  });

  it('is counted apart from what this launch showed', () => {
    const found = one(a, new Story().ran('A.1/a', { launch: BEFORE, at: hourAgo }));
    expect(tally(found)).toMatchObject({ passed: 0, usedAgain: 1 });
  });
});

describe('ticks', () => {
  it('expire by themselves: an open launch measures again, and nothing runs in a closed one', () => {
    const a = step('A.1/a', { objectives: [objective({ maximumAge: minutes(10) })] });
    const story = new Story().ran('A.1/a');
    const tomorrow = instant(NOW + days(1));
    expect(one(a, story, tomorrow).step).toMatchObject({ kind: 'ready', attempt: 2, because: 'stale' });
    story.add(HERE, '@launch', 0, 1, { kind: 'closed', end: 'launched', at: NOW });
    expect(one(a, story, tomorrow).step).toMatchObject({ kind: 'passed', until: NOW + minutes(10) });
  });
});

describe('a launch', () => {
  it('with no step that applies is never green', () => {
    expect(state(planOf([]), HERE, [], NOW).end.kind).toBe('empty');
    const off = step('A.1/a', { applies: { kind: 'not-applicable', because: 'no database' } });
    expect(state(planOf([off]), HERE, [], NOW).end.kind).toBe('empty');
  });

  it('is held when nothing can go on, and names what holds it', () => {
    const plan = planOf([step('A.1/a'), step('A.2/b', { needs: ['A.1/a'] })]);
    const story = new Story().ran('A.1/a', { seen: [measurement(exactly(1, 1))] });
    expect(state(plan, HERE, story.leaves, NOW).end).toEqual({ kind: 'held', by: ['A.1/a'] });
  });

  it('lets another track go on past a held one', () => {
    const plan = planOf([step('A.1/a'), step('B.1/b')]);
    const story = new Story().ran('A.1/a', { seen: [measurement(exactly(1, 1))] });
    expect(state(plan, HERE, story.leaves, NOW).end.kind).toBe('going');
  });

  it('is aborted once nothing of it runs any more', () => {
    const plan = planOf([step('A.1/a')]);
    const story = new Story().started('A.1/a').decided('abort', 'A.1/a');
    expect(state(plan, HERE, story.leaves, NOW).end.kind).toBe('going');
    story.add(HERE, 'A.1/a', 1, 1, { kind: 'finished', end: { kind: 'cancelled' }, at: NOW });
    expect(state(plan, HERE, story.leaves, NOW).end.kind).toBe('aborted');
  });

  it('is complete only if every step that applies went on', () => {
    const ids = ['A.1/a', 'A.1/b', 'B.1/c', 'C.1/d'] as const;
    const outcomes = fc.constantFrom('pass', 'fail', 'unknown', 'error', 'cut', 'nothing');
    fc.assert(
      fc.property(fc.array(outcomes, { minLength: 4, maxLength: 4 }), (how) => {
        const story = new Story();
        ids.forEach((id, i) => {
          if (how[i] === 'pass') story.ran(id);
          if (how[i] === 'fail') story.ran(id, { seen: [measurement(exactly(1, 1))] });
          if (how[i] === 'unknown') story.ran(id, { seen: [measurement(absent('?'))] });
          if (how[i] === 'error') story.ran(id, { seen: [], end: errored });
          if (how[i] === 'cut') story.started(id);
        });
        const found = state(planOf(ids.map((id) => step(id))), HERE, story.leaves, NOW);
        expect(found.end.kind === 'complete').toBe(how.every((h) => h === 'pass'));
        expect(tally(found).passed).toBe(how.filter((h) => h === 'pass').length);
      }),
    );
  });

  it('does not depend on the order in which steps are listed', () => {
    const steps = [step('A.1/a'), step('A.1/b', { needs: ['A.1/a'] }), step('A.2/c', { needs: ['A.1/b'] })];
    const story = new Story().ran('A.1/a').started('A.1/b');
    const straight = state(planOf(steps), HERE, story.leaves, NOW);
    const turned = state(planOf([...steps].reverse()), HERE, story.leaves, NOW);
    for (const { id } of steps) expect(turned.steps.get(id)).toEqual(straight.steps.get(id));
  });
});
