import * as z from 'zod';
import { key } from './key.ts';
import { reads } from './load.ts';
import { duration, positiveWhole } from './values.ts';

const WINDOW = 'a duration such as `24h`, or a mapping with `length`, `requestsPerMinute` or `requests`';

const windowKeys = z.strictObject(
  {
    length: key(duration.prefault('24h'), {
      description:
        'How long the objectives are watched after a release before it counts as live. A launch with a shorter window is provisional.',
      examples: ['24h'],
    }),
    requestsPerMinute: key(
      positiveWhole('a whole number of requests a minute from 1 to 1000000', 1_000_000).default(600),
      {
        description: 'Steady synthetic load in the window, so that a quiet night is not mistaken for health.',
        examples: [600],
      },
    ),
    requests: key(reads.optional(), {
      description:
        'What that load sends: reads only, because production answers it, and paths that exist without sample data.',
      examples: [[{ path: '/' }, { path: '/low-stock' }]],
      absent: 'the GET requests of `smoke` that expect 200, else `/`',
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? WINDOW : undefined) },
);

export const window = key(
  z
    .union(
      [duration.transform((length): z.output<typeof windowKeys> => ({ ...windowKeys.parse({}), length })), windowKeys],
      { error: WINDOW },
    )
    .prefault({}),
  {
    description: 'The monitoring window after a release.',
    examples: ['24h', { length: '24h', requestsPerMinute: 600 }],
  },
);

export type WindowInput = z.output<typeof windowKeys>;
