import type { Client } from 'pg';
import type { Milliseconds } from '../evidence/units.ts';
import { milliseconds } from '../evidence/units.ts';

/** How often the locks are looked at; a lock that is held for a shorter time may go unseen. */
export const LOCK_RESOLUTION: Milliseconds = milliseconds(20);

export type SeenLock = { readonly relation: string; readonly heldFor: Milliseconds };

/**
 * Watches which tables and indexes somebody holds an ACCESS EXCLUSIVE lock on (which stops every read) while `work`
 * runs, and for how long the longest time that each was held at a stretch.
 *
 * @param client a connection of its own, to the database that is watched
 */
export async function whileWatchingLocks<T>(
  client: Client,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly locks: readonly SeenLock[] }> {
  const holds: Hold[] = [];
  // Those that the last look saw: one that a look did not see has ended, and the next is another one.
  let held = new Map<string, Hold>();
  let watching = true;
  const watch = (async () => {
    while (watching) {
      const { rows } = await client.query<{ relation: string }>(
        `SELECT DISTINCT relation::regclass::text AS relation FROM pg_locks
         WHERE granted AND mode = 'AccessExclusiveLock' AND locktype = 'relation' AND pid <> pg_backend_pid()
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      const now = performance.now();
      held = new Map(
        rows.map(({ relation }) => {
          const hold = held.get(relation) ?? { relation, first: now, last: now };
          if (!held.has(relation)) holds.push(hold);
          hold.last = now;
          return [relation, hold];
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, LOCK_RESOLUTION));
    }
  })();
  try {
    const result = await work();
    watching = false;
    await watch;
    return { result, locks: longestOfEach(holds) };
  } finally {
    watching = false;
    await watch.catch(() => undefined);
  }
}

type Hold = { readonly relation: string; readonly first: number; last: number };

function longestOfEach(holds: readonly Hold[]): SeenLock[] {
  const longest = new Map<string, number>();
  for (const { relation, first, last } of holds)
    longest.set(relation, Math.max(longest.get(relation) ?? 0, last - first));
  return [...longest].map(([relation, ms]) => ({ relation, heldFor: milliseconds(Math.round(ms + LOCK_RESOLUTION)) }));
}
