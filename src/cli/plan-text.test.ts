import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { everyState, planOf, step } from '../../test/cli/toy-launch.ts';
import { seconds } from '../evidence/units.ts';
import { planLines } from './plan-text.ts';

const text = (plan = everyState().plan, columns = 100, detail = false) => {
  const colours = picocolors.createColors(false);
  return `${planLines(plan, { columns, colours, objectives: detail, inputs: detail }).join('\n')}\n`;
};

describe('the plan as text', () => {
  it('has tracks, tasks with the hours by hand, steps with needs and times, and the critical path', async () => {
    await expect(text()).toMatchFileSnapshot('golden/plan.txt');
  });

  it('has each threshold with where it comes from, and what the evidence rests on, when asked', async () => {
    await expect(text(everyState().plan, 100, true)).toMatchFileSnapshot('golden/plan-verbose.txt');
  });

  it('names a task instead of all its steps', () => {
    const last = step('A.2/c', { needs: ['A.1/a', 'A.1/b', 'B.1/x'] });
    expect(text(planOf([step('A.1/a'), step('A.1/b'), step('B.1/x'), step('B.1/y'), last]))).toContain(
      'needs all of A.1, B.1/x\n',
    );
  });

  it('says that a task without steps is not built', () => {
    const lines = text(planOf([step('A.1/a', { estimate: seconds(5) })]));
    expect(lines.match(/by hand +not built$/gm)).toHaveLength(10);
    expect(lines).toContain('1 step to run, 0 not applicable, 10 of 11 tasks not built');
  });
});
