import type pg from 'pg';
import { sqlState } from '../database.ts';
import { type Migration, MigrationError } from './migration-files.ts';

/** Key of the advisory lock that lets one migrator at a time through. Any constant does. */
const ADVISORY_LOCK = 7_305_118;

export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly applied_at: string;
}

export interface Status {
  readonly current: number;
  readonly applied: readonly AppliedMigration[];
  readonly pending: ReadonlyArray<{ readonly version: number; readonly name: string }>;
}

export interface Ran {
  readonly version: number;
  readonly name: string;
  readonly direction: 'up' | 'down';
  readonly ms: number;
}

interface Row {
  version: number;
  name: string;
  digest: string;
  applied_at: Date;
}

/** Reads only; a database that was never migrated has an empty history. */
export async function readStatus(client: pg.Client, migrations: readonly Migration[]): Promise<Status> {
  const rows = await readHistory(client, migrations);
  return {
    current: rows.at(-1)?.version ?? 0,
    applied: rows.map(({ version, name, applied_at }) => ({ version, name, applied_at: applied_at.toISOString() })),
    pending: migrations.slice(rows.length).map(({ version, name }) => ({ version, name })),
  };
}

/**
 * Moves the schema up or down to version `to`, each migration in its own transaction together with its line in
 * `schema_migrations`: one that fails leaves no trace, and those before it stay. Waits for locks at most
 * `lockTimeoutMs`, so that a migration cannot queue up in front of the running app for long.
 */
export async function migrate(
  client: pg.Client,
  migrations: readonly Migration[],
  direction: 'up' | 'down',
  to: number | undefined,
  lockTimeoutMs: number,
): Promise<readonly Ran[]> {
  await client.query(`SET lock_timeout = ${lockTimeoutMs}`);
  // Held by the session: it covers all the transactions that follow, and ends with the connection whatever happens.
  await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]).catch((error: unknown) => {
    throw sqlState(error) === '55P03' ? new MigrationError('Another migration is running; try again later.') : error;
  });
  await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
  const current = (await readHistory(client, migrations)).at(-1)?.version ?? 0;
  const ran: Ran[] = [];
  for (const migration of chooseSteps(migrations, direction, current, to)) {
    const started = performance.now();
    await runOne(client, migration, direction);
    ran.push({
      version: migration.version,
      name: migration.name,
      direction,
      ms: Math.round(performance.now() - started),
    });
  }
  return ran;
}

/** Up goes to the newest unless told otherwise; down goes back one. */
function chooseSteps(
  migrations: readonly Migration[],
  direction: 'up' | 'down',
  current: number,
  to: number | undefined,
): readonly Migration[] {
  const target = to ?? (direction === 'up' ? migrations.length : Math.max(current - 1, 0));
  if (target > migrations.length) {
    throw new MigrationError(`There is no migration ${target}; the newest is ${migrations.length}.`);
  }
  return direction === 'up'
    ? migrations.slice(current, Math.max(target, current))
    : migrations.slice(Math.min(target, current), current).reverse();
}

async function runOne(client: pg.Client, migration: Migration, direction: 'up' | 'down'): Promise<void> {
  const { version, name, digest } = migration;
  await client.query('BEGIN');
  try {
    await client.query(migration[direction]);
    if (direction === 'up') {
      await client.query('INSERT INTO schema_migrations (version, name, digest) VALUES ($1, $2, $3)', [
        version,
        name,
        digest,
      ]);
    } else {
      await client.query('DELETE FROM schema_migrations WHERE version = $1', [version]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    const file = `${String(version).padStart(4, '0')}_${name}.${direction}.sql`;
    throw new MigrationError(`${file} failed and was rolled back: ${reason}`);
  }
}

async function readHistory(client: pg.Client, migrations: readonly Migration[]): Promise<readonly Row[]> {
  const table = await client.query<{ present: boolean }>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS present`,
  );
  if (table.rows[0]?.present !== true) return [];
  const { rows } = await client.query<Row>(
    'SELECT version, name, digest, applied_at FROM schema_migrations ORDER BY version',
  );
  for (const [index, row] of rows.entries()) {
    const known = migrations[index];
    if (known?.version !== row.version || known.digest !== row.digest) {
      throw new MigrationError(
        `The database has migration ${row.version} (${row.name}), which is missing here or was changed after it ran.`,
      );
    }
  }
  return rows;
}
