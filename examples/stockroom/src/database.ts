import pg from 'pg';
import { errorFields, log } from './log.ts';

export type Pool = pg.Pool;

// Counts and identities fit a double exactly here; as text they would leak into the JSON API as strings.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export interface PoolOptions {
  readonly name: string;
  readonly max: number;
  /** Bound on waiting for a connection and on each statement, in milliseconds. */
  readonly timeoutMs: number;
}

/** A pool that outlives the server: a connection that breaks while idle is logged and replaced, never thrown. */
export function createPool(databaseUrl: string, { name, max, timeoutMs }: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: name,
    max,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    // The server enforces its own limit first; this one is for a server that no longer answers at all.
    query_timeout: timeoutMs + 500,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  });
  pool.on('error', (error) => log('warn', 'database connection lost', { pool: name, ...errorFields(error) }));
  return pool;
}

/** The SQLSTATE of an error that came from the server, for example `23503`. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/**
 * Whether an error says "the database cannot serve this now" and not "this statement is wrong". What did not come
 * from the server (refused, reset, timed out) counts as unavailable; so do SQLSTATE classes 08, 53, 57 and 58
 * (connection, resources, operator intervention, system), 25006 (a standby) and 55P03 (lock not available).
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof NotSent) return true;
  const state = sqlState(error);
  if (state !== undefined) return /^(08|53|57|58)/.test(state) || state === '25006' || state === '55P03';
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string') return /^E[A-Z_]+$/.test(error.code);
  return /timeout|Connection terminated|connection error|not queryable/i.test(error.message);
}

/** No connection could be had, so the statement never left this process. */
export class NotSent extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'no database connection', { cause });
  }
}

/** Runs `work` on one connection; a connection on which it failed is not used again unless the server answered. */
export async function withClient<T>(pool: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw new NotSent(error);
  });
  // A connection that breaks between two statements would otherwise raise an unhandled 'error' event.
  const onError = (error: Error): void => log('warn', 'database connection lost', errorFields(error));
  client.on('error', onError);
  let broken: Error | undefined;
  try {
    return await work(client);
  } catch (error) {
    if (sqlState(error) === undefined || isUnavailable(error)) broken = error instanceof Error ? error : new Error();
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
