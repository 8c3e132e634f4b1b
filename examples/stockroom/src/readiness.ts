import { createPool, type Pool, sqlState } from './database.ts';
import { errorFields, log } from './log.ts';

/** How long the database may take to answer before the service calls itself not ready, in milliseconds. */
const TIMEOUT_MS = 1_000;

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/**
 * Looks at the database each time it is asked, over a connection of its own: requests that fill the service's pool
 * must not make it look unready, and a wedged pool must not make the look hang.
 */
export class ReadinessProbe {
  private readonly pool: Pool;
  private running: Promise<Readiness> | undefined;
  private last = true;

  constructor(databaseUrl: string, name: string) {
    this.pool = createPool(databaseUrl, { name: `${name}-readiness`, max: 1, timeoutMs: TIMEOUT_MS });
  }

  /** Callers that ask at the same moment share one look. */
  check(): Promise<Readiness> {
    this.running ??= this.look().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async look(): Promise<Readiness> {
    const result = await this.ask();
    if (result.ready !== this.last) log(result.ready ? 'info' : 'warn', 'readiness changed', { ...result });
    this.last = result.ready;
    return result;
  }

  private async ask(): Promise<Readiness> {
    try {
      // Both tables that the services work on, so that a database without its schema is not ready either.
      await this.pool.query('SELECT (SELECT 1 FROM stock_levels LIMIT 1), (SELECT 1 FROM movements LIMIT 1)');
      return { ready: true };
    } catch (error) {
      // 42P01, undefined table: the server is there and the migrations are not.
      if (sqlState(error) === '42P01') return { ready: false, reason: 'the schema is not in place' };
      log('warn', 'readiness look failed', errorFields(error));
      return { ready: false, reason: 'the database does not answer' };
    }
  }
}
