import { type Pool, withClient } from '../database.ts';

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly category: string;
  readonly unit_price_cents: number;
  readonly on_hand: number;
  readonly reorder_level: number;
  readonly low: boolean;
}

export interface ProductPage {
  readonly total: number;
  readonly products: readonly Product[];
}

export interface Paging {
  readonly page: number;
  readonly perPage: number;
}

const COLUMNS = `p.sku, p.name, p.category, p.unit_price_cents, s.on_hand, s.reorder_level,
  s.on_hand <= s.reorder_level AS low`;

/** Products in SKU order; with `search`, those in which every word of it begins a word of SKU, name or category. */
export function listProducts(pool: Pool, search: string, paging: Paging): Promise<ProductPage> {
  const query = prefixQuery(search);
  // Separate statements and not one with "$1 IS NULL OR …": that form would hide the index from the planner.
  return query === undefined
    ? readPage(pool, 'products p JOIN stock_levels s USING (sku)', [], paging)
    : readPage(pool, `products p JOIN stock_levels s USING (sku) WHERE p.search @@ $1::tsquery`, [query], paging);
}

/** Products whose stock is at or below their reorder level, in SKU order. */
export function listLowStock(pool: Pool, paging: Paging): Promise<ProductPage> {
  return readPage(pool, 'products p JOIN stock_levels s USING (sku) WHERE s.on_hand <= s.reorder_level', [], paging);
}

export async function findProduct(pool: Pool, sku: string): Promise<Product | undefined> {
  return withClient(pool, async (client) => {
    const { rows } = await client.query<Product>({
      name: 'find-product',
      text: `SELECT ${COLUMNS} FROM products p JOIN stock_levels s USING (sku) WHERE p.sku = $1`,
      values: [sku],
    });
    return rows[0];
  });
}

function readPage(
  pool: Pool,
  from: string,
  values: readonly string[],
  { page, perPage }: Paging,
): Promise<ProductPage> {
  return withClient(pool, async (client) => {
    const count = await client.query<{ total: number }>(`SELECT count(*) AS total FROM ${from}`, [...values]);
    const limit = `LIMIT $${values.length + 1} OFFSET $${values.length + 2}`;
    const { rows } = await client.query<Product>(`SELECT ${COLUMNS} FROM ${from} ORDER BY p.sku ${limit}`, [
      ...values,
      perPage,
      (page - 1) * perPage,
    ]);
    return { total: count.rows[0]?.total ?? 0, products: rows };
  });
}

/** `'Oak Ta'` becomes `'oak':* & 'ta':*`. Only letters and digits are kept, so nothing can end the quotes early. */
function prefixQuery(search: string): string | undefined {
  const words = search.toLowerCase().match(/[\p{L}\p{N}]+/gu);
  if (words === null) return undefined;
  return words
    .slice(0, 8)
    .map((word) => `'${word}':*`)
    .join(' & ');
}
