import { describe, expect, it } from 'vitest';
import { seconds } from '../evidence/units.ts';
import { criticalPath, inOrder, planProblems } from './graph.ts';
import type { StepId, StepPlan } from './step.ts';

const step = (id: StepId, estimate: number, needs: StepId[] = [], more: Partial<StepPlan> = {}): StepPlan => ({
  id,
  task: id.split('/')[0] as StepPlan['task'],
  title: id,
  needs,
  inputs: {},
  applies: { kind: 'applies' },
  tokens: [],
  estimate: seconds(estimate),
  objectives: [
    {
      id: 'x',
      metric: 'x',
      comparator: '==',
      threshold: 0,
      unit: 'count',
      gate: 'hold',
      maximumAge: seconds(1),
      minimumSamples: 1,
      source: 'plan',
    },
  ],
  retry: { kind: 'never' },
  ...more,
});
const plan = (steps: StepPlan[]) => ({ app: 'toy', environment: 'production', steps, exemptions: [] });
const complaints = (steps: StepPlan[]) => planProblems(plan(steps)).map((p) => `${p.where}: ${p.what}`);

describe('a plan', () => {
  it('is accepted when every need is a step and nothing goes in a circle', () => {
    expect(complaints([step('A.1/a', 1), step('A.2/b', 1, ['A.1/a'])])).toEqual([]);
  });

  it('names each thing that makes it impossible to run', () => {
    expect(
      complaints([
        step('A.1/a', 1),
        step('A.1/a', 1),
        step('A.1/b', 1, ['A.1/nowhere']),
        step('A.1/c', 1, [], { objectives: [] }),
        step('A.1/d', 1, [], { task: 'B.1' }),
        step('C.1/e', 1, ['C.1/f']),
        step('C.1/f', 1, ['C.1/e']),
      ]),
    ).toEqual([
      'A.1/a: two steps have one id',
      'A.1/c: the step has no objective, so it can never pass',
      'A.1/d: the step does not carry its task B.1 in its id',
      'A.1/b: needs A.1/nowhere, which is no step of the plan',
      'C.1/e -> C.1/f -> C.1/e: the steps need each other in a circle',
    ]);
  });

  it('orders each step after what it needs', () => {
    const steps = [step('A.2/c', 1, ['A.1/b']), step('A.1/b', 1, ['A.1/a']), step('A.1/a', 1)];
    expect(inOrder(steps).map((s) => s.id)).toEqual(['A.1/a', 'A.1/b', 'A.2/c']);
  });
});

describe('the critical path', () => {
  it('is the chain of needs that takes longest', () => {
    const steps = [step('A.1/a', 5), step('B.1/b', 1), step('A.2/c', 2, ['A.1/a', 'B.1/b']), step('C.1/d', 6)];
    expect(criticalPath(steps)).toEqual({ steps: ['A.1/a', 'A.2/c'], length: 7_000 });
  });

  it('gives no time to what is not applicable', () => {
    const off = step('A.1/a', 50, [], { applies: { kind: 'not-applicable', because: 'no database' } });
    expect(criticalPath([off, step('A.2/b', 2, ['A.1/a']), step('C.1/c', 3)]).steps).toEqual(['C.1/c']);
  });

  it('of an empty plan is empty', () => {
    expect(criticalPath([])).toEqual({ steps: [], length: 0 });
  });
});
