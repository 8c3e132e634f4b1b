import type { Pool, PoolClient } from 'pg';
import { sealStatement } from '../evidence/envelope.ts';
import type { Leaf, LeafKey, NewLeaf } from '../evidence/leaf.ts';
import { leafKeyText } from '../evidence/leaf.ts';
import { leafHash } from '../evidence/merkle.ts';
import { encodeVerifierKey, type SignerKey } from '../evidence/note.ts';
import { fail } from '../evidence/problem.ts';
import { readStatement, statementText } from '../evidence/statement.ts';
import { isLeafBody, whyNotStorable } from './leaf-shape.ts';
import { channelOf, createSchema, inTransaction, LEDGER_SCHEMA, quotedSchema } from './schema.ts';

/** Which leaves are meant; everything that is given must be met. */
export type Selection = {
  readonly launch?: string;
  readonly app?: string;
  readonly environment?: string;
  /** Leaves of this index and later ones. */
  readonly from?: number;
};

/** A launch as its `opened` leaf has it; `opened` is that leaf's index. */
export type LaunchRecord = {
  readonly launch: string;
  readonly app: string;
  readonly environment: string;
  readonly opened: number;
};

/** The ledger's leaves. What is in it stays as it is; there is no way to change or remove a leaf. */
export type Leaves = {
  /**
   * Appends all of the leaves or, on any problem, none. A leaf whose key is there already with the same content is
   * given back as it is, so that an append may be repeated after a crash.
   *
   * @returns a leaf for each one given, in that order, with its index
   * @throws ProblemError `conflict` where a key is there with other content; `internal` where a leaf is too large, has
   *   no shape, or belongs to a launch that was never opened
   */
  append(leaves: readonly NewLeaf[]): Promise<Leaf[]>;
  find(key: LeafKey): Promise<Leaf | undefined>;
  /** In the ledger's order. */
  read(selection?: Selection): Promise<Leaf[]>;
  /** In the order in which they were opened. */
  launches(selection?: Pick<Selection, 'app' | 'environment'>): Promise<LaunchRecord[]>;
  /** How many leaves there are, which is the next leaf's index. */
  size(): Promise<number>;
};

export type LedgerTable = {
  readonly pool: Pool;
  /** Signs each leaf when it is appended. */
  readonly key: SignerKey;
  readonly schema?: string;
};

/**
 * Opens the ledger in a Postgres database, and makes its tables where there are none.
 *
 * @throws ProblemError where the database's ledger was begun with another key
 */
export async function openLeaves({ pool, key, schema: name = LEDGER_SCHEMA }: LedgerTable): Promise<Leaves> {
  const schema = quotedSchema(name);
  await createSchema(pool, name);
  await claimWithKey(pool, schema, encodeVerifierKey(key.verifier));
  return {
    append: async (leaves) =>
      leaves.length === 0 ? [] : inTransaction(pool, (client) => append({ client, schema, key }, leaves)),
    find: async (at) => (await lookUp(pool, schema, [at]))[0],
    read: (selection = {}) => read(pool, schema, selection),
    launches: (selection = {}) => launches(pool, schema, selection),
    size: () => ledgerSize(pool, schema),
  };
}

async function claimWithKey(pool: Pool, schema: string, vkey: string): Promise<void> {
  await pool.query(`INSERT INTO ${schema}.head (size, key) VALUES (0, $1) ON CONFLICT DO NOTHING`, [vkey]);
  const { rows } = await pool.query<{ key: string }>(`SELECT key FROM ${schema}.head`);
  if (rows[0]?.key === vkey) return;
  fail({
    kind: 'conflict',
    what: `the database's ledger was begun with the key ${rows[0]?.key}, and this state directory has ${vkey}`,
    where: `schema ${schema}`,
    next: 'use the state directory that belongs to this database, or put its keys back from a backup',
  });
}

export async function ledgerSize(from: Pool | PoolClient, schema: string): Promise<number> {
  const { rows } = await from.query<{ size: string }>(`SELECT size FROM ${schema}.head`);
  return Number(rows[0]?.size ?? 0);
}

type Writer = { readonly client: PoolClient; readonly schema: string; readonly key: SignerKey };

async function append(writer: Writer, given: readonly NewLeaf[]): Promise<Leaf[]> {
  const { client, schema } = writer;
  // The lock on this one row puts all appends in order: indices have no gaps and no two leaves the same.
  const { rows } = await client.query<{ size: string }>(`SELECT size FROM ${schema}.head FOR UPDATE`);
  const size = Number(rows[0]?.size);
  const byKey = new Map<string, Leaf>();
  const keys = given.map((leaf) => leaf.key);
  for (const leaf of await lookUp(client, schema, keys)) byKey.set(leafKeyText(leaf.key), leaf);
  const fresh: Leaf[] = [];
  for (const leaf of given) {
    const there = byKey.get(leafKeyText(leaf.key));
    if (there !== undefined) refuseOtherContent(there, leaf);
    else {
      const placed = { ...leaf, index: size + fresh.length };
      byKey.set(leafKeyText(leaf.key), placed);
      fresh.push(placed);
    }
  }
  if (fresh.length > 0) await insert(writer, fresh, size + fresh.length);
  return given.map(({ key }) => byKey.get(leafKeyText(key)) ?? fail(lost(key)));
}

function refuseOtherContent(there: Leaf, given: NewLeaf): void {
  if (statementText({ ...given, index: there.index }) === statementText(there)) return;
  fail({
    kind: 'conflict',
    what: `entry ${there.index} holds something else under this key, and an entry is never overwritten`,
    where: leafKeyText(given.key),
    next: 'look the key up before acting; record what is new under a new attempt',
  });
}

async function insert({ client, schema, key }: Writer, leaves: readonly Leaf[], size: number): Promise<void> {
  for (const leaf of leaves) await openLaunch(client, schema, leaf);
  const rows = leaves.map((leaf) => {
    const where = leafKeyText(leaf.key);
    const shapeless = whyNotStorable(leaf.body);
    if (shapeless !== undefined) fail({ kind: 'internal', what: `no leaf: ${shapeless}`, where, next: MEND_STEP });
    const statement = statementText(leaf);
    const entry = sealStatement(statement, key, where);
    return { ...leaf.key, index: leaf.index, statement, entry, hash: leafHash(entry) };
  });
  const column = <Name extends keyof (typeof rows)[0]>(name: Name) => rows.map((row) => row[name]);
  try {
    await client.query(
      `INSERT INTO ${schema}.leaves (index, launch, step, attempt, sequence, statement, entry, hash)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::bytea[], $8::bytea[])`,
      [
        column('index'),
        column('launch'),
        column('step'),
        column('attempt'),
        column('sequence'),
        column('statement'),
        column('entry'),
        column('hash'),
      ],
    );
  } catch (error) {
    if (isForeignKeyViolation(error))
      fail({
        kind: 'internal',
        what: 'a leaf belongs to a launch that was never opened',
        where: leaves.map((leaf) => leafKeyText(leaf.key)).join(', '),
        next: "append the launch's `opened` leaf first",
      });
    throw error;
  }
  await client.query(`UPDATE ${schema}.head SET size = $1`, [size]);
  await client.query('SELECT pg_notify($1, $2)', [channelOf(schema), String(size)]);
}

const MEND_STEP = 'mend the step that made the leaf';

async function openLaunch(client: PoolClient, schema: string, { key, body, index }: Leaf): Promise<void> {
  if (body.kind !== 'opened') return;
  const { rowCount } = await client.query(
    `INSERT INTO ${schema}.launches (launch, app, environment, opened) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [key.launch, body.app, body.environment, index],
  );
  if (rowCount === 1) return;
  fail({
    kind: 'conflict',
    what: `the launch ${key.launch} was opened before`,
    where: leafKeyText(key),
    next: 'give the new launch a name of its own',
  });
}

const isForeignKeyViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23503';

type Row = { readonly index: string; readonly statement: string };

async function lookUp(from: Pool | PoolClient, schema: string, keys: readonly LeafKey[]): Promise<Leaf[]> {
  const { rows } = await from.query<Row>(
    `SELECT index, statement FROM ${schema}.leaves
     JOIN unnest($1::text[], $2::text[], $3::integer[], $4::integer[]) AS k (launch, step, attempt, sequence)
     USING (launch, step, attempt, sequence)`,
    [keys.map((k) => k.launch), keys.map((k) => k.step), keys.map((k) => k.attempt), keys.map((k) => k.sequence)],
  );
  return rows.map(leafOf);
}

async function read(pool: Pool, schema: string, { launch, app, environment, from }: Selection): Promise<Leaf[]> {
  const { rows } = await pool.query<Row>(
    `SELECT index, statement FROM ${schema}.leaves JOIN ${schema}.launches USING (launch)
     WHERE index >= $1 AND ($2::text IS NULL OR launch = $2) AND ($3::text IS NULL OR app = $3)
       AND ($4::text IS NULL OR environment = $4)
     ORDER BY index`,
    [from ?? 0, launch, app, environment],
  );
  return rows.map(leafOf);
}

function leafOf({ index, statement }: Row): Leaf {
  const parsed = readStatement(statement);
  if (parsed.kind === 'unreadable') return damaged(index, parsed.because);
  const { body, key, release } = parsed.value;
  if (!isLeafBody(body)) return damaged(index, 'its body has no known shape');
  if (parsed.value.index !== Number(index)) return damaged(index, `it says that it is entry ${parsed.value.index}`);
  return { index: parsed.value.index, key, body, release };
}

const damaged = (index: string, because: string): never =>
  fail({
    kind: 'internal',
    what: `entry ${index} in the ledger's table cannot be read: ${because}`,
    where: `entry ${index}`,
    next: 'export the ledger, verify it, and put the database back from a backup',
  });

const lost = (key: LeafKey) => ({
  kind: 'internal' as const,
  what: 'a leaf was neither found nor appended',
  where: leafKeyText(key),
  next: 'report this',
});

async function launches(
  pool: Pool,
  schema: string,
  { app, environment }: Pick<Selection, 'app' | 'environment'>,
): Promise<LaunchRecord[]> {
  const { rows } = await pool.query<Omit<LaunchRecord, 'opened'> & { opened: string }>(
    `SELECT launch, app, environment, opened FROM ${schema}.launches
     WHERE ($1::text IS NULL OR app = $1) AND ($2::text IS NULL OR environment = $2) ORDER BY opened`,
    [app, environment],
  );
  return rows.map((row) => ({ ...row, opened: Number(row.opened) }));
}
