import * as z from 'zod';
import type { SecretReference } from '../app.ts';
import { key, notYet } from './key.ts';
import { command, handoverAs, variable } from './values.ts';

const DATABASE = '`postgres`, or a mapping';
const DATABASE_NAME =
  'a database name: lower-case letters, digits and `_`, beginning with a letter, at most 63 characters';

const MANAGED = 'a database that Holdpoint manages itself, the only kind that this version runs: leave `url` out';

const postgres = z.literal('postgres', { error: '`postgres`' });

const migrations = z.strictObject(
  {
    up: key(command, { description: 'Brings the schema to the newest version.', examples: ['npm run migrate -- up'] }),
    down: key(command.optional(), {
      description: 'Takes back the newest migration that has run; run again, the one before it.',
      examples: ['npm run migrate -- down'],
      absent: 'whether migrations can be taken back is not applicable',
    }),
    status: key(command.optional(), {
      description: 'Prints which migrations have run; its output is the same exactly where the schema is.',
      examples: ['npm run migrate -- status'],
      absent: 'the schema itself is compared',
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'a mapping with `up`' : undefined) },
);

const databaseKeys = z.strictObject(
  {
    engine: key(postgres.default('postgres'), { description: 'The kind of database.', examples: ['postgres'] }),
    url: key(notYet<SecretReference>('a database by URL', MANAGED).optional(), {
      description: 'Reference to the URL of a database that somebody else runs.',
      examples: [],
      absent: 'Holdpoint runs the database',
      refused: MANAGED,
    }),
    name: key(
      z
        .string({ error: DATABASE_NAME })
        .regex(/^[a-z][a-z0-9_]{0,62}$/, { error: DATABASE_NAME })
        .optional(),
      {
        description: 'Name of the database.',
        examples: ['stockroom'],
        absent: 'the name of the app, with `_` for `-`',
      },
    ),
    as: key(handoverAs.default('value'), {
      description:
        '`file`: the variable carries the path of a file that holds the URL. `value`: it carries the URL itself.',
      examples: ['file'],
    }),
    variable: key(variable.optional(), {
      description: 'Environment variable by which services, migrations and seed learn the URL.',
      examples: ['DATABASE_URL_FILE'],
      absent: '`DATABASE_URL`, or `DATABASE_URL_FILE` where it is handed over as a file',
    }),
    migrations: key(migrations.optional(), {
      description: 'Commands that change the schema, run from the root of the built app.',
      examples: [{ up: 'npm run migrate -- up', down: 'npm run migrate -- down' }],
      absent: 'checks of migrations are not applicable',
    }),
    seed: key(command.optional(), {
      description:
        'Fills an empty database with sample data, for throw-away and staging environments. Never run against production.',
      examples: ['npm run seed'],
      absent: 'those environments start empty',
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? DATABASE : undefined) },
);

export const database = key(
  z
    .union(
      [postgres.transform((engine): z.input<typeof databaseKeys> => ({ engine })).pipe(databaseKeys), databaseKeys],
      { error: DATABASE },
    )
    .optional(),
  {
    description: 'The database of the app.',
    examples: ['postgres', { as: 'file', migrations: { up: 'npm run migrate -- up' } }],
    absent: 'the app has none; checks of database, backup and migrations are not applicable',
  },
);

type CacheInput = { readonly as: z.output<typeof handoverAs>; readonly variable?: string | undefined };

const NO_CACHE =
  'none, as this version runs no cache yet: leave `cache` out; hand the URL of one that runs already over under `secrets`';

export const cache = key(notYet<CacheInput>('a cache', NO_CACHE).optional(), {
  description: 'A cache that Holdpoint runs for the app.',
  examples: [],
  absent: 'the app has none',
  refused: NO_CACHE,
});
