import * as z from 'zod';
import { key, refuse } from './key.ts';
import { objectiveId, stepId } from './objectives.ts';
import { sentence } from './values.ts';

const DAY = 'a day of the calendar such as `2026-12-31`';

/** `2026-02-30` is no day: written back, it must come out the same. */
const day = z.string({ error: DAY }).transform((text, ctx) => {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isFinite(time) && new Date(time).toISOString().startsWith(text)) return text;
  refuse(ctx, text, { expected: DAY, quote: 'shown' });
  return z.NEVER;
});

const exemption = z.strictObject(
  {
    step: key(stepId, { description: 'Id of the step.', examples: ['A.1/response-headers'] }),
    objective: key(objectiveId, { description: 'Id of its objective.', examples: ['content-security-policy'] }),
    owner: key(sentence('the name of the person who answers for it'), {
      description: 'Who answers for it.',
      examples: ['Maria Lind'],
    }),
    reason: key(sentence('the reason, as a sentence'), {
      description: 'Why; printed on page one of every document.',
      examples: ['The label printer page needs inline scripts until its rewrite.'],
    }),
    lastDay: key(day, {
      description: 'The last day on which it holds (UTC). From the next day on the objective holds the track again.',
      examples: ['2026-12-31'],
    }),
  },
  {
    error: (issue) =>
      issue.code === 'invalid_type' ? 'a mapping with `step`, `objective`, `owner`, `reason` and `lastDay`' : undefined,
  },
);

export const exemptions = key(z.array(exemption, { error: 'a list of exemptions' }).prefault([]), {
  description: 'Standing decisions to go past one objective. Shown with a sign of their own, never as a pass.',
  examples: [
    [
      {
        step: 'A.1/response-headers',
        objective: 'content-security-policy',
        owner: 'Maria Lind',
        reason: 'The label printer page needs inline scripts until its rewrite.',
        lastDay: '2026-12-31',
      },
    ],
  ],
});
