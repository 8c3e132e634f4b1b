import * as z from 'zod';
import { key } from './key.ts';
import { relativePath } from './values.ts';

const COMPOSE = 'the path of a Compose file, or a mapping with `file` and `profiles`';
const PROFILES = 'a list of profiles';

const composeKeys = z.strictObject(
  {
    file: key(relativePath, { description: 'The Compose file.', examples: ['compose.yaml'] }),
    profiles: key(z.array(z.string({ error: 'the name of a profile' }), { error: PROFILES }).prefault([]), {
      description: 'Profiles whose services are taken over as well.',
      examples: [['production']],
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? COMPOSE : undefined) },
);

export const compose = key(
  z
    .union([relativePath.transform((file): z.input<typeof composeKeys> => ({ file })).pipe(composeKeys), composeKeys], {
      error: COMPOSE,
    })
    .optional(),
  {
    description:
      'An existing Compose file from which services, database and secrets are taken over. What stands in this file wins; what cannot be taken over is listed with its line.',
    examples: ['compose.yaml', { file: 'compose.yaml', profiles: ['production'] }],
    absent: 'the services are those of `services`',
  },
);

export type ComposeInput = NonNullable<z.output<typeof compose>>;
