import type { Pool, PoolClient } from 'pg';
import { fail } from '../evidence/problem.ts';

/** Where the ledger's tables are unless told otherwise. */
export const LEDGER_SCHEMA = 'holdpoint_ledger';

/**
 * What each version of the schema adds. A version that was released is never changed; a new one is put after it.
 *
 * `head` is the one row whose lock puts appends in order: `size` is the next index. `key` is the public key that every
 * entry is signed with. A launch has its app and environment from its `opened` leaf.
 */
const VERSIONS: readonly string[] = [
  `CREATE TABLE head (
     one boolean PRIMARY KEY DEFAULT true CHECK (one),
     size bigint NOT NULL CHECK (size >= 0),
     key text NOT NULL
   );
   CREATE TABLE launches (
     launch text PRIMARY KEY,
     app text NOT NULL,
     environment text NOT NULL,
     opened bigint NOT NULL UNIQUE
   );
   CREATE INDEX launches_of_environment ON launches (app, environment);
   CREATE TABLE leaves (
     index bigint PRIMARY KEY CHECK (index >= 0),
     launch text NOT NULL REFERENCES launches,
     step text NOT NULL,
     attempt integer NOT NULL CHECK (attempt >= 0),
     sequence integer NOT NULL CHECK (sequence >= 0),
     statement text NOT NULL,
     entry bytea NOT NULL CHECK (length(entry) <= 65535),
     hash bytea NOT NULL CHECK (length(hash) = 32),
     UNIQUE (launch, step, attempt, sequence)
   );
   CREATE INDEX leaves_of_launch ON leaves (launch, index);
   CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE EXCEPTION 'the ledger is append-only: % refused', TG_OP; END $$;
   CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON leaves
     FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();`,
];

const NAME = /^[a-z_][a-z0-9_]{0,50}$/;

/** A schema's name as SQL takes it, in quotation marks: `full` alone would be a keyword. @throws ProblemError for a bad one */
export function quotedSchema(name: string): string {
  if (NAME.test(name)) return `"${name}"`;
  return fail({
    kind: 'input',
    what: `a ledger's schema cannot be called ${JSON.stringify(name)}`,
    next: 'use lower-case letters, digits and underscores',
  });
}

/** The channel on which appends are told. `LISTEN` takes the quoted name and `pg_notify` the plain one. */
export const channelOf = (quoted: string): string => quoted.slice(1, -1);

/** The advisory lock that is held while a schema is made. */
const MAKING = 'hashtextextended($1, 1)';

/** Makes the tables, or brings them to this version. Running it twice, or twice at once, changes nothing. */
export async function createSchema(pool: Pool, name: string = LEDGER_SCHEMA): Promise<void> {
  const schema = quotedSchema(name);
  await inTransaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(${MAKING})`, [schema]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await client.query(`SET LOCAL search_path TO ${schema}`);
    await client.query('CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY)');
    const { rows } = await client.query<{ version: number }>(
      'SELECT coalesce(max(version), 0)::integer AS version FROM schema_version',
    );
    const present = rows[0]?.version ?? 0;
    if (present > VERSIONS.length)
      fail({
        kind: 'conflict',
        what: `the ledger's tables are of version ${present}, and this Holdpoint knows up to ${VERSIONS.length}`,
        where: `schema ${schema}`,
        next: 'use the newer Holdpoint that made them',
      });
    for (let version = present + 1; version <= VERSIONS.length; version++) {
      await client.query(VERSIONS[version - 1] ?? '');
      await client.query('INSERT INTO schema_version VALUES ($1)', [version]);
    }
  });
}

/** Runs `work` in one transaction: all of it is there afterwards, or nothing. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onLost = (error: Error): void => {
    broken = error;
  };
  // A connection that dies between two queries says so by an event, which without a listener would end the process.
  client.on('error', onLost);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(onLost);
    throw error;
  } finally {
    client.removeListener('error', onLost);
    // A client whose rollback failed is in no known state, and must not go back to the pool.
    client.release(broken);
  }
}
