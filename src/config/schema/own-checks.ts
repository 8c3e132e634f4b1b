import * as z from 'zod';
import type { MetricUnit } from '../../evidence/measurement.ts';
import type { Command, OwnCheck } from '../app.ts';
import { quantityIn } from '../quantity.ts';
import { key, refuse } from './key.ts';
import { comparator, gate, objectiveId } from './objectives.ts';
import { command, duration, positiveWhole, relativePath, threshold } from './values.ts';

const UNITS = ['ms', 's', 'bytes', 'ratio', 'percent', 'count', 'per-minute', 'days'] as const satisfies MetricUnit[];
const METRIC = 'a metric name: lower-case words joined by dots, such as `queue.depth`';

const checkKeys = z
  .strictObject(
    {
      command: key(command.optional(), {
        description:
          'Prints as its last line a number, or JSON: `{"value": 12, "n": 40, "interval": [11, 13]}`, or a list of such measurements, each with its `metric`. It ends with status 0; anything else is unknown.',
        examples: ['node scripts/queue-depth.js'],
        absent: '`module` is given',
      }),
      module: key(relativePath.optional(), {
        description: 'A TypeScript or JavaScript module whose default export is a function that returns the same.',
        examples: ['checks/queue-depth.ts'],
        absent: '`command` is given',
      }),
      timeLimit: key(duration.prefault('60s'), {
        description: 'After this it is ended, and the number is unknown.',
        examples: ['60s'],
      }),
      metric: key(z.string({ error: METRIC }).regex(/^[a-z0-9]+([._-][a-z0-9]+)*$/, { error: METRIC }), {
        description: 'What the number is.',
        examples: ['queue.depth'],
      }),
      unit: key(z.enum(UNITS, { error: `one of ${UNITS.join(', ')}` }), {
        description: 'What the number counts.',
        examples: ['count'],
      }),
      comparator: key(comparator, { description: 'How it is compared with the threshold.', examples: ['<'] }),
      threshold: key(threshold, { description: 'What it is held against, in `unit`.', examples: [100, '100'] }),
      gate: key(gate.default('hold'), {
        description:
          '`hold` holds the track where it is not met, `warn` lets it go on and says so, `inform` only shows the number.',
        examples: ['warn'],
      }),
      maximumAge: key(duration.prefault('24h'), {
        description: 'A number older than this is measured afresh.',
        examples: ['24h'],
      }),
      minimumSamples: key(positiveWhole('a whole number from 1 to 1000000', 1_000_000).default(1), {
        description: 'How many numbers it must print, one a line; fewer are no answer. More than one are averaged.',
        examples: [1],
      }),
    },
    {
      error: (issue) =>
        issue.code === 'invalid_type'
          ? 'a mapping with `command` or `module`, `metric`, `unit`, `comparator` and `threshold`'
          : undefined,
    },
  )
  .transform((check, ctx) => {
    const by = carriedOutBy(check, ctx);
    const value = quantityIn(check.threshold, check.unit);
    if (by !== undefined && value !== undefined) return { ...check, by, threshold: value };
    if (value !== undefined) return z.NEVER;
    const expected = `a threshold in ${check.unit}, the \`unit\` of the check`;
    refuse(ctx, check.threshold, { expected, quote: 'hidden', found: `one in ${check.threshold.unit}` }, ['threshold']);
    return z.NEVER;
  });

type Given = { readonly command?: Command | undefined; readonly module?: string | undefined };

function carriedOutBy(
  { command: words, module: path }: Given,
  ctx: Parameters<typeof refuse>[0],
): OwnCheck['by'] | undefined {
  if (words !== undefined && path === undefined) return { kind: 'command', command: words };
  if (path !== undefined && words === undefined) return { kind: 'module', path };
  const found = words === undefined ? 'nothing that measures' : '`command` and `module`';
  refuse(ctx, words, { expected: 'either `command` or `module`', quote: 'hidden', found });
  return undefined;
}

export const ownChecks = key(
  z.record(objectiveId, checkKeys, { error: 'a mapping of check names to checks' }).prefault({}),
  {
    description:
      "A team's own checks: a command that prints what it measured, or a module that returns it. They come out as evidence like any other.",
    examples: [
      {
        'queue-depth': {
          command: 'node scripts/queue-depth.js',
          metric: 'queue.depth',
          unit: 'count',
          comparator: '<',
          threshold: 100,
        },
      },
      {
        'queue-depth': {
          module: 'checks/queue-depth.ts',
          metric: 'queue.depth',
          unit: 'count',
          comparator: '<',
          threshold: 100,
        },
      },
    ],
    entry: {
      example: 'queue-depth',
      meaning: 'check',
      needs: { oneOf: ['command', 'module'], example: { command: 'node scripts/queue-depth.js' } },
    },
  },
);

export type OwnCheckInput = z.output<typeof checkKeys>;
