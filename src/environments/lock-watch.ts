import type { Client } from 'pg';
import type { Milliseconds } from '../evidence/units.ts';
import { milliseconds } from '../evidence/units.ts';

/** How often the locks are looked at; a lock that is held for a shorter time may go unseen. */
export const LOCK_RESOLUTION: Milliseconds = milliseconds(20);

export type SeenLock = { readonly relation: string; readonly heldFor: Milliseconds };

/**
 * Watches which tables and indexes somebody holds an ACCESS EXCLUSIVE lock on (which stops every read) while `work`
 * runs.
 *
 * @param client a connection of its own, to the database that is watched
 */
export async function whileWatchingLocks<T>(
  client: Client,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly locks: readonly SeenLock[] }> {
  const seen = new Map<string, { first: number; last: number }>();
  let watching = true;
  const watch = (async () => {
    while (watching) {
      const { rows } = await client.query<{ relation: string }>(
        `SELECT DISTINCT relation::regclass::text AS relation FROM pg_locks
         WHERE granted AND mode = 'AccessExclusiveLock' AND locktype = 'relation' AND pid <> pg_backend_pid()
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      const now = performance.now();
      for (const { relation } of rows) {
        const known = seen.get(relation);
        if (known) known.last = now;
        else seen.set(relation, { first: now, last: now });
      }
      await new Promise((resolve) => setTimeout(resolve, LOCK_RESOLUTION));
    }
  })();
  try {
    const result = await work();
    watching = false;
    await watch;
    const locks = [...seen].map(([relation, { first, last }]) => ({
      relation,
      heldFor: milliseconds(Math.round(last - first + LOCK_RESOLUTION)),
    }));
    return { result, locks };
  } finally {
    watching = false;
    await watch.catch(() => undefined);
  }
}
