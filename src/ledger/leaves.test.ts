import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attempt, exactCount, launchOf, measured, opened } from '../../test/ledger/sample-leaves.ts';
import { startPostgres, type ThrowAwayPostgres } from '../../test/servers/postgres.ts';
import { openEnvelope, parseEnvelope } from '../evidence/envelope.ts';
import type { NewLeaf } from '../evidence/leaf.ts';
import { absent } from '../evidence/measurement.ts';
import { leafHash } from '../evidence/merkle.ts';
import { signerKey } from '../evidence/note.ts';
import { ProblemError } from '../evidence/problem.ts';
import { statementText } from '../evidence/statement.ts';
import { type Leaves, openLeaves } from './leaves.ts';
import { createSchema, inTransaction } from './schema.ts';

let server: ThrowAwayPostgres;
let pool: pg.Pool;
let leaves: Leaves;
let schema: string;
let count = 0;
const key = signerKey('holdpoint/test/1', Buffer.alloc(32, 1));

beforeAll(async () => {
  server = await startPostgres();
  pool = new pg.Pool({ connectionString: server.url, max: 8 });
});
afterAll(async () => {
  await pool.end();
  await server.stop();
});
beforeEach(async () => {
  schema = `ledger_${++count}`;
  leaves = await openLeaves({ pool, key, schema });
});

const problemKind = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem.kind;
    throw error;
  }
  return 'no problem';
};

describe('appending to the ledger', () => {
  it('gives each leaf the next index, from 0 and without gaps', async () => {
    const made = await leaves.append([opened('one'), ...attempt('one', 'A.1/health', 1, 2)]);
    expect(made.map((leaf) => leaf.index)).toEqual([0, 1, 2, 3, 4]);
    const [next] = await leaves.append(attempt('one', 'A.1/latency', 1, 0));
    expect(next?.index).toBe(5);
    expect(await leaves.size()).toBe(7);
  });

  it('reads back what was appended, in order', async () => {
    const given = [opened('one'), ...attempt('one', 'A.1/health', 1, 2)];
    const made = await leaves.append(given);
    expect(await leaves.read()).toEqual(made);
    expect(made).toEqual(given.map((leaf, index) => ({ ...leaf, index })));
  });

  it('signs each leaf, and keeps the hash of its bytes', async () => {
    const [made] = await leaves.append([opened('one')]);
    const { rows } = await pool.query<{ entry: Buffer; hash: Buffer }>(`SELECT entry, hash FROM ${schema}.leaves`);
    const envelope = parseEnvelope(rows[0]?.entry ?? Buffer.alloc(0));
    if (envelope.kind === 'unreadable' || made === undefined) throw new Error('no envelope');
    expect(await openEnvelope(envelope.value, key.verifier)).toEqual({
      kind: 'opened',
      statement: statementText(made),
    });
    expect(rows[0]?.hash).toEqual(leafHash(rows[0]?.entry ?? Buffer.alloc(0)));
  });

  it('returns a leaf that is there already as it is, and appends only the others', async () => {
    const all = [opened('one'), ...attempt('one', 'A.1/health', 1, 2)];
    const first = await leaves.append(all.slice(0, 3));
    const again = await leaves.append(all);
    expect(again.slice(0, 3)).toEqual(first);
    expect(again.map((leaf) => leaf.index)).toEqual([0, 1, 2, 3, 4]);
    expect(await leaves.size()).toBe(5);
  });

  it('never overwrites: other content under a key is a conflict, and nothing of that append stays', async () => {
    const [started, one] = attempt('one', 'A.1/health', 1, 1);
    if (started === undefined || one === undefined) throw new Error('no sample');
    await leaves.append([opened('one'), started, one]);
    const other: NewLeaf = { ...one, body: measured(99) };
    expect(await problemKind(leaves.append([...attempt('one', 'A.1/latency', 1, 1), other]))).toBe('conflict');
    expect(await leaves.size()).toBe(3);
    expect(await leaves.find(one.key)).toMatchObject({ body: one.body });
  });

  it('refuses one key with two contents in one append', async () => {
    const key = { launch: 'one', step: 'A.1/x', attempt: 1, sequence: 1 };
    const two = [1, 2].map((n): NewLeaf => ({ key, release: undefined, body: exactCount(n) }));
    expect(await problemKind(leaves.append([opened('one'), ...two]))).toBe('conflict');
    expect(await leaves.size()).toBe(0);
  });

  it('refuses a leaf of a launch that was never opened, and a launch that is opened twice', async () => {
    expect(await problemKind(leaves.append(attempt('nowhere', 'A.1/x', 1, 0)))).toBe('internal');
    await leaves.append([opened('one')]);
    const twice = { ...opened('one'), key: { ...opened('one').key, sequence: 1 } };
    expect(await problemKind(leaves.append([twice]))).toBe('conflict');
  });

  it('refuses a leaf that is too large or has no JSON text, with what to do instead', async () => {
    await leaves.append([opened('one')]);
    const key = { launch: 'one', step: 'A.1/x', attempt: 1, sequence: 1 };
    const body = exactCount(1);
    if (body.kind !== 'measured') throw new Error('no sample');
    const large = { ...body, measurement: { ...body.measurement, observed: absent('x'.repeat(60_000)) } };
    await expect(leaves.append([{ key, release: undefined, body: large }])).rejects.toMatchObject({
      problem: { next: expect.stringContaining('artefact') },
    });
    const nan = exactCount(Number.NaN);
    await expect(leaves.append([{ key, release: undefined, body: nan }])).rejects.toBeInstanceOf(ProblemError);
    expect(await leaves.size()).toBe(1);
  });

  it('keeps characters as they are, NUL and quotes among them', async () => {
    const key = { launch: "o'ne", step: 'A.1/"x"', attempt: 1, sequence: 1 };
    const body = exactCount(1);
    if (body.kind !== 'measured') throw new Error('no sample');
    const odd = { ...body, measurement: { ...body.measurement, note: '\u0000 \u2028 "quoted" \\ 😀' } };
    const [, made] = await leaves.append([opened("o'ne"), { key, release: undefined, body: odd }]);
    expect(await leaves.find(key)).toEqual(made);
  });

  it('gives many writers at once distinct indices without gaps, and each key one leaf', async () => {
    await leaves.append([opened('one')]);
    const writers = Array.from({ length: 24 }, (_, n) => leaves.append(attempt('one', `A.1/s${n % 12}`, 1, 2)));
    const made = await Promise.all(writers);
    expect(await leaves.size()).toBe(1 + 12 * 4);
    const all = await leaves.read();
    expect(all.map((leaf) => leaf.index)).toEqual(Array.from({ length: 49 }, (_, i) => i));
    for (const batch of made) expect(all).toEqual(expect.arrayContaining(batch));
  });
});

describe('reading the ledger', () => {
  it('selects by launch, app, environment and index', async () => {
    await leaves.append([opened('p1', 'production'), ...attempt('p1', 'A.1/x', 1, 1)]);
    await leaves.append([opened('s1', 'staging'), ...attempt('s1', 'A.1/x', 1, 1)]);
    await leaves.append([opened('p2', 'production'), opened('n1', 'production', 'notes')]);
    const indices = async (selection: Parameters<Leaves['read']>[0]) =>
      (await leaves.read(selection)).map((leaf) => leaf.index);
    expect(await indices({ launch: 's1' })).toEqual([4, 5, 6, 7]);
    expect(await indices({ app: 'stockroom', environment: 'production' })).toEqual([0, 1, 2, 3, 8]);
    expect(await indices({ environment: 'production', from: 3 })).toEqual([3, 8, 9]);
    expect(await indices({ launch: 'none' })).toEqual([]);
    expect(await leaves.launches({ app: 'stockroom', environment: 'production' })).toEqual([
      { launch: 'p1', app: 'stockroom', environment: 'production', opened: 0 },
      { launch: 'p2', app: 'stockroom', environment: 'production', opened: 8 },
    ]);
  });

  it('says which row is damaged instead of believing it', async () => {
    await leaves.append(launchOf('one', 3));
    await pool.query(`ALTER TABLE ${schema}.leaves DISABLE TRIGGER append_only`);
    await pool.query(`UPDATE ${schema}.leaves SET statement = '{}' WHERE index = 1`);
    await expect(leaves.read()).rejects.toMatchObject({ problem: { where: 'entry 1' } });
  });
});

describe('a transaction', () => {
  it('whose connection dies in the middle is rejected, and ends nothing else', async () => {
    const cut = inTransaction(pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await client.query(`INSERT INTO ${schema}.launches VALUES ('cut', 'a', 'b', 0)`);
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      await pause(50);
      await client.query('SELECT 1');
    });
    await expect(cut).rejects.toThrow();
    expect(await leaves.launches()).toEqual([]);
    expect(await leaves.append([opened('one')])).toHaveLength(1);
  });
});

describe("the ledger's tables", () => {
  it('refuse changes, whoever makes them', async () => {
    await leaves.append(launchOf('one', 3));
    for (const change of ['UPDATE % SET attempt = 7', 'DELETE FROM %', 'TRUNCATE %'])
      await expect(pool.query(change.replace('%', `${schema}.leaves`))).rejects.toThrow(/append-only/);
  });

  it('are made once, however many begin at the same moment', async () => {
    await Promise.all(Array.from({ length: 6 }, () => createSchema(pool, 'at_once')));
    await createSchema(pool, 'at_once');
    const { rows } = await pool.query('SELECT version FROM at_once.schema_version');
    expect(rows).toEqual([{ version: 1 }]);
  });

  it('of a newer version are left alone', async () => {
    await pool.query(`INSERT INTO ${schema}.schema_version VALUES (99)`);
    expect(await problemKind(openLeaves({ pool, key, schema }))).toBe('conflict');
  });

  it('belong to one key', async () => {
    const other = signerKey('holdpoint/test/2', Buffer.alloc(32, 2));
    expect(await problemKind(openLeaves({ pool, key: other, schema }))).toBe('conflict');
  });
});
