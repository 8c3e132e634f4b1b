import * as z from 'zod';
import { key } from './key.ts';
import { existingSecret } from './secrets.ts';
import { command, handoverAs, variable } from './values.ts';

const DATABASE = '`postgres`, or a mapping';
const DATABASE_NAME =
  'a database name: lower-case letters, digits and `_`, beginning with a letter, at most 63 characters';

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
    url: key(existingSecret.optional(), {
      description:
        'Reference to the URL of a database that somebody else runs. Holdpoint then neither makes nor backs it up.',
      examples: ['env:STOCKROOM_DATABASE_URL'],
      absent: 'Holdpoint runs the database',
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

const CACHE = '`redis`, or a mapping';
const redis = z.literal('redis', { error: '`redis`' });

const cacheKeys = z.strictObject(
  {
    engine: key(redis.default('redis'), { description: 'The kind of cache.', examples: ['redis'] }),
    as: key(handoverAs.default('value'), {
      description:
        '`file`: the variable carries the path of a file that holds the URL. `value`: it carries the URL itself.',
      examples: ['value'],
    }),
    variable: key(variable.optional(), {
      description: 'Environment variable by which the services learn the URL.',
      examples: ['REDIS_URL'],
      absent: '`REDIS_URL`, or `REDIS_URL_FILE` where it is handed over as a file',
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? CACHE : undefined) },
);

export const cache = key(
  z
    .union([redis.transform((engine): z.input<typeof cacheKeys> => ({ engine })).pipe(cacheKeys), cacheKeys], {
      error: CACHE,
    })
    .optional(),
  { description: 'A cache that Holdpoint runs for the app.', examples: ['redis'], absent: 'the app has none' },
);
