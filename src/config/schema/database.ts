import * as z from 'zod';
import { key } from './key.ts';
import { agreed, MANAGED } from './ownership.ts';
import { secretReferenceValue } from './secrets.ts';
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

const plainKeys = z.strictObject(
  {
    engine: key(postgres.default('postgres'), { description: 'The kind of database.', examples: ['postgres'] }),
    managed: key(z.boolean({ error: MANAGED }).optional(), {
      description: '`false`: somebody else runs it, and `url` says where.',
      examples: [true],
      absent: '`true`, or `false` where there is a `url`',
    }),
    url: key(secretReferenceValue.optional(), {
      description:
        'Reference to the URL of a database that somebody else runs; migrations and services reach it by this URL, and so does Holdpoint.',
      examples: ['env:SHOP_DATABASE_URL', 'file:/etc/shop/database-url'],
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

const databaseKeys = plainKeys.transform(agreed);

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
