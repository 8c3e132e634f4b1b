import { describe, expect, it } from 'vitest';
import { days, seconds } from '../evidence/units.ts';
import type { StepPlan } from '../plan/step.ts';
import { withAskedObjectives } from './asked-objectives.ts';
import { ask } from './asking.ts';

const latency: StepPlan = {
  id: 'A.1/latency',
  task: 'A.1',
  title: 'latency',
  needs: [],
  inputs: {},
  applies: { kind: 'applies' },
  tokens: [],
  estimate: seconds(1),
  objectives: [ask({ id: 'p95', metric: 'http.latency.p95', is: ['<', 200, 'ms'], source: 'plan A.1' })],
  retry: { kind: 'never' },
};

describe('what a team asks of a step', () => {
  it('replaces what is given and leaves the rest of the objective as the plan has it', () => {
    const asked = {
      step: 'A.1/latency',
      objective: 'p95',
      threshold: { value: 300, unit: 'ms' as const },
      maximumAge: days(1),
      source: 'holdpoint.yaml:9',
    };
    const { steps, problems } = withAskedObjectives([latency], [asked]);
    expect(problems).toEqual([]);
    expect(steps[0]?.objectives[0]).toMatchObject({
      comparator: '<',
      threshold: 300,
      gate: 'hold',
      maximumAge: days(1),
      source: 'holdpoint.yaml:9',
    });
  });

  it.each([
    [{ step: 'A.1/nothing', objective: 'p95' }, 'the plan has no step A.1/nothing'],
    [{ step: 'A.1/latency', objective: 'p59' }, 'A.1/latency has no objective p59'],
    [
      { step: 'A.1/latency', objective: 'p95', threshold: { value: 1, unit: 'bytes' as const } },
      'the threshold of A.1/latency p95 cannot be read in ms',
    ],
  ])('is refused where the plan cannot answer it', (asked, what) => {
    const { problems } = withAskedObjectives([latency], [{ ...asked, source: 'holdpoint.yaml:9' }]);
    expect(problems).toMatchObject([{ kind: 'input', what, where: 'holdpoint.yaml:9' }]);
  });
});
