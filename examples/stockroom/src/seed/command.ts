import pg from 'pg';
import { errorFields } from '../log.ts';
import { databaseUrl, type Environment, SettingError } from '../settings.ts';
import { generateMovements, generateProducts } from './catalogue.ts';

const INSERT_PRODUCTS = `INSERT INTO products (sku, name, category, unit_price_cents)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) ON CONFLICT (sku) DO NOTHING`;

const INSERT_LEVELS = `INSERT INTO stock_levels (sku, reorder_level)
  SELECT * FROM unnest($1::text[], $2::int[]) ON CONFLICT (sku) DO NOTHING`;

// Seeded movements are settled already; stock changes by exactly those that this run inserted.
const INSERT_MOVEMENTS = `WITH inserted AS (
    INSERT INTO movements (key, sku, kind, quantity, state, recorded_at, settled_at)
    SELECT key, sku, kind, quantity, 'applied', recorded_at, recorded_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::timestamptz[])
      AS seed (key, sku, kind, quantity, recorded_at)
    ON CONFLICT (key) DO NOTHING RETURNING sku, quantity),
  sums AS (SELECT sku, sum(quantity)::int AS quantity FROM inserted GROUP BY sku),
  changed AS (UPDATE stock_levels s SET on_hand = s.on_hand + sums.quantity FROM sums WHERE s.sku = sums.sku)
  SELECT count(*)::int AS count FROM inserted`;

export interface Seeded {
  readonly products: number;
  readonly movements: number;
}

/** Inserts what is missing, in one transaction; a second run inserts nothing. */
export async function seed(client: pg.Client): Promise<Seeded> {
  const products = generateProducts();
  const movements = generateMovements(products);
  await client.query('BEGIN');
  const inserted = await client.query(INSERT_PRODUCTS, [
    products.map(({ sku }) => sku),
    products.map(({ name }) => name),
    products.map(({ category }) => category),
    products.map(({ unitPriceCents }) => unitPriceCents),
  ]);
  await client.query(INSERT_LEVELS, [products.map(({ sku }) => sku), products.map(({ reorderLevel }) => reorderLevel)]);
  const { rows } = await client.query<{ count: number }>(INSERT_MOVEMENTS, [
    movements.map(({ key }) => key),
    movements.map(({ sku }) => sku),
    movements.map(({ kind }) => kind),
    movements.map(({ quantity }) => quantity),
    movements.map(({ recordedAt }) => recordedAt),
  ]);
  await client.query('COMMIT');
  await client.query('ANALYZE products, stock_levels, movements');
  return { products: inserted.rowCount ?? 0, movements: rows[0]?.count ?? 0 };
}

/** Prints how many rows were inserted; resolves with the exit status. */
export function seedCommand(env: Environment): Promise<number> {
  return withDatabase('seed', env, async (client) => JSON.stringify({ inserted: await seed(client) }));
}

/** Prints the number of products whose stock is not the sum of their applied movements: 0 where all is well. */
export function reconcileCommand(env: Environment): Promise<number> {
  return withDatabase('reconcile', env, async (client) => {
    const { rows } = await client.query<{ wrong: number }>(`SELECT count(*)::int AS wrong FROM stock_levels s
      WHERE on_hand <> (SELECT coalesce(sum(quantity), 0) FROM movements m WHERE m.sku = s.sku AND m.state = 'applied')`);
    return String(rows[0]?.wrong ?? 'unknown');
  });
}

async function withDatabase(
  name: string,
  env: Environment,
  work: (client: pg.Client) => Promise<string>,
): Promise<number> {
  try {
    const client = new pg.Client({
      connectionString: databaseUrl(env),
      application_name: `stockroom-${name}`,
      connectionTimeoutMillis: 5_000,
    });
    await client.connect();
    try {
      process.stdout.write(`${await work(client)}\n`);
    } finally {
      await client.end();
    }
    return 0;
  } catch (error) {
    process.stderr.write(`${name}: ${String(errorFields(error).error) || 'the database cannot be reached'}\n`);
    return error instanceof SettingError ? 2 : 1;
  }
}
