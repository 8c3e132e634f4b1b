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

/** One list: how to count it, and how to read a page of it. Named, so that Postgres plans each once a connection. */
interface List {
  readonly name: string;
  readonly count: string;
  /** The rows to choose from, before order and paging. */
  readonly from: string;
}

const JOIN = 'products p JOIN stock_levels s USING (sku)';

const ALL: List = { name: 'products', count: 'SELECT count(*) AS total FROM products', from: JOIN };

// A list of its own and not "$1 IS NULL OR …" in one: that form would hide the index from the planner.
const FOUND: List = {
  name: 'found-products',
  count: 'SELECT count(*) AS total FROM products p WHERE p.search @@ $1::tsquery',
  from: `${JOIN} WHERE p.search @@ $1::tsquery`,
};

const LOW: List = {
  name: 'low-stock',
  count: 'SELECT count(*) AS total FROM stock_levels s WHERE s.on_hand <= s.reorder_level',
  from: `${JOIN} WHERE s.on_hand <= s.reorder_level`,
};

/** Products in SKU order; with `search`, those in which every word of it begins a word of SKU, name or category. */
export function listProducts(pool: Pool, search: string, paging: Paging): Promise<ProductPage> {
  const query = prefixQuery(search);
  return query === undefined ? readPage(pool, ALL, [], paging) : readPage(pool, FOUND, [query], paging);
}

/** Products whose stock is at or below their reorder level, in SKU order. */
export function listLowStock(pool: Pool, paging: Paging): Promise<ProductPage> {
  return readPage(pool, LOW, [], paging);
}

export async function findProduct(pool: Pool, sku: string): Promise<Product | undefined> {
  return withClient(pool, async (client) => {
    const { rows } = await client.query<Product>({
      name: 'find-product',
      text: `SELECT ${COLUMNS} FROM ${JOIN} WHERE p.sku = $1`,
      values: [sku],
    });
    return rows[0];
  });
}

function readPage(pool: Pool, list: List, values: string[], { page, perPage }: Paging): Promise<ProductPage> {
  return withClient(pool, async (client) => {
    const counted = await client.query<{ total: number }>({ name: `count-${list.name}`, text: list.count, values });
    const limit = `LIMIT $${values.length + 1} OFFSET $${values.length + 2}`;
    const { rows } = await client.query<Product>({
      name: `page-of-${list.name}`,
      text: `SELECT ${COLUMNS} FROM ${list.from} ORDER BY p.sku ${limit}`,
      values: [...values, perPage, (page - 1) * perPage],
    });
    return { total: counted.rows[0]?.total ?? 0, products: rows };
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
