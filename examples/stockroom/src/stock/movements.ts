import type { QueryConfig } from 'pg';
import { type Pool, sqlState, withClient } from '../database.ts';
import { HttpError } from '../http/response.ts';
import type { Kind, MovementRequest } from './movement-request.ts';

export interface Movement {
  readonly id: number;
  readonly key: string;
  readonly sku: string;
  readonly kind: Kind;
  readonly quantity: number;
  readonly note: string;
  readonly state: 'queued' | 'applied' | 'rejected';
  readonly reason: string | null;
  readonly recorded_at: Date;
  readonly settled_at: Date | null;
}

const COLUMNS = 'id, key, sku, kind, quantity, note, state, reason, recorded_at, settled_at';

export interface Recorded {
  readonly movement: Movement;
  /** True where this key had been recorded before, with the same content. */
  readonly replayed: boolean;
}

/**
 * Writes the movement into the queue exactly once for its key, whatever races with it: the unique key makes a second
 * insert wait for the first and then do nothing. The same key with other content is refused with 422.
 */
export function recordMovement(pool: Pool, request: MovementRequest): Promise<Recorded> {
  const { key, sku, kind, quantity, note } = request;
  return withClient(pool, async (client) => {
    try {
      const inserted = await client.query<Movement>({
        name: 'record-movement',
        text: `INSERT INTO movements (key, sku, kind, quantity, note) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (key) DO NOTHING RETURNING ${COLUMNS}`,
        values: [key, sku, kind, quantity, note],
      });
      const created = inserted.rows[0];
      if (created !== undefined) return { movement: created, replayed: false };
    } catch (error) {
      // 23503, foreign key violation: the only reference is to the product.
      if (sqlState(error) === '23503') throw new HttpError(422, 'unknown_product', `There is no product ${sku}.`);
      throw error;
    }
    const existing = (await client.query<Movement>(byKey(key))).rows[0];
    if (existing === undefined) throw new Error('a movement that blocked an insert is gone');
    const same =
      existing.sku === sku && existing.kind === kind && existing.quantity === quantity && existing.note === note;
    if (!same) throw new HttpError(422, 'key_reused', 'This key was used before for another movement.');
    return { movement: existing, replayed: true };
  });
}

function byKey(key: string): QueryConfig {
  return { name: 'find-movement', text: `SELECT ${COLUMNS} FROM movements WHERE key = $1`, values: [key] };
}

export function findMovement(pool: Pool, key: string): Promise<Movement | undefined> {
  return withClient(pool, async (client) => (await client.query<Movement>(byKey(key))).rows[0]);
}

export interface MovementFilter {
  readonly sku?: string;
  /** Only movements with a smaller id: the id of the last one on the page before. */
  readonly before: number;
  readonly limit: number;
}

/** Newest first. Pages by id and not by offset, so that the hundredth page costs what the first does. */
export function listMovements(pool: Pool, { sku, before, limit }: MovementFilter): Promise<Movement[]> {
  return withClient(pool, async (client) => {
    const bySku = sku === undefined ? '' : 'sku = $3 AND';
    const { rows } = await client.query<Movement>({
      name: sku === undefined ? 'list-movements' : 'list-movements-of-product',
      text: `SELECT ${COLUMNS} FROM movements WHERE ${bySku} id < $1 ORDER BY id DESC LIMIT $2`,
      values: sku === undefined ? [before, limit] : [before, limit, sku],
    });
    return rows;
  });
}
