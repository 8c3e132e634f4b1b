import type { Client } from 'pg';

/** What a table holds, whatever the order of its rows. */
export type TableContent = { readonly table: string; readonly rows: number; readonly sum: string };

/**
 * A fingerprint of every user table: the number of rows, and the sum of two 60-bit halves of each row's MD5. A sum does
 * not depend on the order of the rows, and equal rows do not cancel each other as they would in an XOR.
 */
export async function databaseContent(client: Client): Promise<TableContent[]> {
  const tables = await client.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  const contents: TableContent[] = [];
  for (const { name } of tables.rows) {
    const { rows } = await client.query<{ rows: string; sum: string }>(
      `SELECT count(*) AS rows,
              coalesce(sum(('x' || substr(h, 1, 15))::bit(60)::bigint), 0) || '/' ||
              coalesce(sum(('x' || substr(h, 16, 15))::bit(60)::bigint), 0) AS sum
       FROM (SELECT md5(t::text) AS h FROM ${name} AS t) AS hashed`,
    );
    contents.push({ table: name, rows: Number(rows[0]?.rows), sum: rows[0]?.sum ?? '' });
  }
  return contents;
}

/** Names of the tables that are not the same on both sides, in a sentence each. */
export function contentDifferences(here: readonly TableContent[], there: readonly TableContent[]): string[] {
  const names = [...new Set([...here, ...there].map((t) => t.table))].sort();
  return names.flatMap((name) => {
    const a = here.find((t) => t.table === name);
    const b = there.find((t) => t.table === name);
    if (!a || !b) return [`${name} is missing on one side`];
    if (a.rows !== b.rows) return [`${name} has ${a.rows} rows on one side and ${b.rows} on the other`];
    return a.sum === b.sum ? [] : [`${name} has rows with other content`];
  });
}
