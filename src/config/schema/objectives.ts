import * as z from 'zod';
import { key } from './key.ts';
import { duration, threshold } from './values.ts';

export const COMPARATORS = ['<', '<=', '>', '>=', '=='] as const;
export const GATES = ['hold', 'warn', 'inform'] as const;

export const comparator = z.enum(COMPARATORS, { error: `one of ${COMPARATORS.map((c) => `\`${c}\``).join(', ')}` });
export const gate = z.enum(GATES, { error: '`hold`, `warn` or `inform`' });

const STEP = 'the id of a step, such as `A.1/latency`';
export const stepId = z
  .string({ error: STEP })
  .regex(/^(A\.[1-4]|B\.[1-3]|C\.[1-4])\/[a-z0-9]+(-[a-z0-9]+)*$/, { error: STEP });

const OBJECTIVE = 'the id of an objective of the step, such as `latency-p95`';
export const objectiveId = z.string({ error: OBJECTIVE }).regex(/^[a-z0-9]+([.-][a-z0-9]+)*$/, { error: OBJECTIVE });

const ASKED = 'a threshold such as `200ms`, or a mapping with `threshold`, `comparator`, `gate` or `maximumAge`';

const askedKeys = z.strictObject(
  {
    threshold: key(threshold.optional(), {
      description: "The number that it is held against, in any unit that can be turned into the metric's.",
      examples: ['200ms', '0.1 %', '512 MiB', 85],
      absent: "the step's own",
    }),
    comparator: key(comparator.optional(), {
      description: 'How it is compared with the threshold.',
      examples: ['<'],
      absent: "the step's own",
    }),
    gate: key(gate.optional(), {
      description:
        'What happens where it is not met: `hold` holds the track, `warn` lets it go on and says so everywhere, `inform` only shows the number.',
      examples: ['hold'],
      absent: "the step's own",
    }),
    maximumAge: key(duration.optional(), {
      description: 'Evidence older than this is measured afresh.',
      examples: ['7d'],
      absent: "the step's own",
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? ASKED : undefined) },
);

const asked = z.union([threshold.transform((t): z.output<typeof askedKeys> => ({ threshold: t })), askedKeys], {
  error: ASKED,
});
const ofStep = key(z.record(objectiveId, asked, { error: 'a mapping of objectives to what is asked of them' }), {
  description: "The step's objectives. Give a threshold, or a mapping where more than the threshold changes.",
  examples: [{ 'latency-p95': '150ms' }],
  entry: { example: 'latency-p95', meaning: 'objective' },
});

export const objectives = key(z.record(stepId, ofStep, { error: 'a mapping of steps to objectives' }).prefault({}), {
  description:
    'What the team asks beyond, or instead of, the plan: by step, then by objective. `holdpoint plan` prints both names. Only what is given here changes.',
  examples: [
    { 'A.1/latency': { 'latency-p95': { threshold: '150ms', maximumAge: '7d' } } },
    { 'A.1/latency': { 'latency-p95': '150ms' } },
  ],
  entry: { example: 'A.1/latency', meaning: 'step' },
});
export type AskedInput = z.output<typeof asked>;
