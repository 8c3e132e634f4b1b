import { type Pool, sqlState, withClient } from '../database.ts';

export type Applied = { readonly outcome: 'applied' | 'rejected'; readonly id: number } | { readonly outcome: 'empty' };

interface Job {
  readonly id: number;
  readonly sku: string;
  readonly quantity: number;
}

/**
 * Takes the oldest queued movement that no other agent holds and settles it: one transaction changes the stock level
 * and the movement's state, so a crash at any moment leaves either both or neither, and the job stays in the queue.
 * A movement that would take the stock below zero is rejected with its reason.
 */
export function applyNextMovement(pool: Pool): Promise<Applied> {
  return withClient(pool, async (client) => {
    await client.query('BEGIN');
    try {
      const { rows } = await client.query<Job>({
        name: 'take-movement',
        text: `SELECT id, sku, quantity FROM movements WHERE state = 'queued'
               ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      });
      const job = rows[0];
      if (job === undefined) {
        await client.query('COMMIT');
        return { outcome: 'empty' };
      }
      const updated = await client.query({
        name: 'apply-movement',
        text: `UPDATE stock_levels SET on_hand = on_hand + $2, updated_at = now()
               WHERE sku = $1 AND on_hand + $2 >= 0`,
        values: [job.sku, job.quantity],
      });
      const outcome = updated.rowCount === 1 ? 'applied' : 'rejected';
      await client.query({
        name: 'settle-movement',
        text: `UPDATE movements SET state = $2, reason = $3, settled_at = now() WHERE id = $1 AND state = 'queued'`,
        values: [job.id, outcome, outcome === 'applied' ? null : 'not enough stock'],
      });
      await client.query('COMMIT');
      return { outcome, id: job.id };
    } catch (error) {
      // A connection that no longer answers is thrown away by withClient, and the server rolls back by itself.
      if (sqlState(error) !== undefined) await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  });
}
