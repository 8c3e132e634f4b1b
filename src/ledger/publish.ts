import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PoolClient } from 'pg';
import { type Checkpoint, openCheckpoint, signCheckpoint } from '../evidence/checkpoint.ts';
import type { Hash } from '../evidence/merkle.ts';
import { encodeVerifierKey, type SignerKey } from '../evidence/note.ts';
import { fail } from '../evidence/problem.ts';
import { encodeBundle, isFull, TILE_WIDTH, type Tile, tilePath } from '../evidence/tile.ts';
import { readIfThere, writeDurably } from './durable-file.ts';
import { PUBLIC_KEY_FILE } from './keys.ts';
import { ledgerSize } from './leaves.ts';
import { CHECKPOINT_FILE, readTile } from './log-files.ts';
import { RightEdge } from './right-edge.ts';

/** Where the leaves come from and where the files go. */
export type Publication = {
  /** A connection that holds the sequencer's lock. Everything is read through it: when it is lost, so is the lock. */
  readonly client: PoolClient;
  readonly schema: string;
  readonly key: SignerKey;
  /** STATE/ledger */
  readonly directory: string;
};

/**
 * Brings the files up to date with the table: bundles and tiles first, each whole or not there, the signed checkpoint
 * last. Killed anywhere it leaves the old checkpoint with everything that it covers, and the next call goes on.
 *
 * @returns the checkpoint that now stands
 * @throws ProblemError `conflict` where the table does not go on from what was published: signing such a checkpoint
 *   would be a fork
 */
export async function publish(to: Publication): Promise<Checkpoint> {
  const size = await ledgerSize(to.client, to.schema);
  const before = await publishedCheckpoint(to);
  if (before !== undefined && before.size > size) return refuseShorterTable(to, before, size);
  if (before?.size === size) return before;
  const known = before ?? { origin: to.key.verifier.name, size: 0, root: new RightEdge().root() };
  const edge = (await edgeFromFiles(to, known)) ?? (await edgeFromTable(to, known));
  const filled = await grow(to, edge, size);
  const checkpoint = { origin: to.key.verifier.name, size, root: edge.root() };
  // Asked through the connection that holds the lock: without an answer we no longer hold it and must not publish.
  await to.client.query('SELECT 1');
  await writeDurably(join(to.directory, PUBLIC_KEY_FILE), `${encodeVerifierKey(to.key.verifier)}\n`, 0o644);
  await writeDurably(join(to.directory, CHECKPOINT_FILE), signCheckpoint(checkpoint, to.key), 0o644);
  for (const tile of filled) await rm(join(to.directory, `${tilePath(tile)}.p`), { recursive: true, force: true });
  return checkpoint;
}

async function publishedCheckpoint({ directory, key }: Publication): Promise<Checkpoint | undefined> {
  const path = join(directory, CHECKPOINT_FILE);
  const signed = await readIfThere(path);
  if (signed === undefined) return undefined;
  const opened = openCheckpoint(signed.toString('utf8'), [key.verifier]);
  if (opened.kind === 'read') return opened.value;
  return fail({
    kind: 'conflict',
    what: `the published checkpoint is not this ledger's: ${opened.because}`,
    where: path,
    next: `keep a copy of ${directory} for whoever looks into it, move it away, and start again: the files are made anew from the database`,
  });
}

const refuseShorterTable = ({ directory, schema }: Publication, before: Checkpoint, size: number) =>
  fail({
    kind: 'conflict',
    what: `${before.size} entries were published, and the database holds ${size}: it was put back from an older backup`,
    where: `${join(directory, CHECKPOINT_FILE)}, schema ${schema}`,
    next: 'put back a database that holds all published entries; going on from here would be a fork of the ledger',
  });

/** The edge as the published tiles have it; undefined where they are damaged or gone. */
async function edgeFromFiles({ directory }: Publication, known: Checkpoint): Promise<RightEdge | undefined> {
  const levels: Hash[][] = [];
  for (let level = 0; TILE_WIDTH ** level <= known.size; level++) {
    const width = Math.floor(known.size / TILE_WIDTH ** level) % TILE_WIDTH;
    const index = Math.floor(known.size / TILE_WIDTH ** (level + 1));
    if (width === 0) levels.push([]);
    else {
      const hashes = await readTile(directory, { level, index, width });
      if (hashes.kind === 'unreadable') return undefined;
      levels.push(hashes.value);
    }
  }
  const edge = new RightEdge(known.size, levels);
  return edge.root().equals(known.root) ? edge : undefined;
}

/** Writes the files of everything that was published anew from the table, which must lead to the published root. */
async function edgeFromTable(to: Publication, known: Checkpoint): Promise<RightEdge> {
  const edge = new RightEdge();
  await grow(to, edge, known.size);
  return edge.root().equals(known.root) ? edge : refuseOtherTable(to, known);
}

/**
 * Makes sure that the table holds what was published, from its first entry on. To be asked once for each connection: a
 * database may have been put back from a backup, or be another one, while nobody was connected.
 *
 * @throws ProblemError `conflict` where it does not
 */
export async function confirmTable(to: Publication): Promise<void> {
  const known = await publishedCheckpoint(to);
  if (known === undefined) return;
  const size = await ledgerSize(to.client, to.schema);
  if (known.size > size) refuseShorterTable(to, known, size);
  const edge = new RightEdge();
  while (edge.size < known.size) {
    const { rows } = await to.client.query<Pick<Row, 'hash'>>(
      `SELECT hash FROM ${to.schema}.leaves WHERE index >= $1 AND index < $2 ORDER BY index`,
      [edge.size, Math.min(known.size, edge.size + HASHES_AT_ONCE)],
    );
    if (rows.length === 0) refuseOtherTable(to, known);
    for (const { hash } of rows) edge.add(hash);
  }
  if (!edge.root().equals(known.root)) refuseOtherTable(to, known);
}

/** Hashes that are read from the table at once: about 1 MB. */
const HASHES_AT_ONCE = 32_768;

const refuseOtherTable = ({ directory, schema }: Publication, known: Checkpoint) =>
  fail({
    kind: 'conflict',
    what: `the first ${known.size} entries of the database are not those that were published`,
    where: `${join(directory, CHECKPOINT_FILE)}, schema ${schema}`,
    next: 'put back the database that belongs to this state directory; going on from here would be a fork of the ledger',
  });

type Row = { readonly entry: Buffer; readonly hash: Buffer };

/** Bundles that are read from the table at once. */
const BUNDLES_AT_ONCE = 16;

/** Writes the files between the edge and `size`. Gives the tiles and bundles that became full. */
async function grow(to: Publication, edge: RightEdge, size: number): Promise<Tile[]> {
  const filled: Tile[] = [];
  const write = async (tile: Tile, content: Buffer): Promise<void> => {
    if (isFull(tile)) filled.push(tile);
    await writeDurably(join(to.directory, tilePath(tile)), content, 0o644);
  };
  // The first bundle is written from its beginning: it grows from a partial one that is never changed.
  for (let at = edge.size - (edge.size % TILE_WIDTH); at < size; ) {
    const end = Math.min(size, at + BUNDLES_AT_ONCE * TILE_WIDTH);
    const rows = await rowsOf(to, at, end);
    for (let first = 0; first < rows.length; first += TILE_WIDTH) {
      const bundle = rows.slice(first, first + TILE_WIDTH);
      const index = (at + first) / TILE_WIDTH;
      const entries = bundle.map((row) => row.entry);
      await write({ level: 'entries', index, width: bundle.length }, encodeBundle(entries));
      const fresh = bundle.slice(Math.max(0, edge.size - at - first));
      for (const { hash } of fresh) for (const { tile, content } of edge.add(hash)) await write(tile, content);
    }
    at = end;
  }
  for (const { tile, content } of edge.partial()) await write(tile, content);
  return filled;
}

async function rowsOf({ client, schema }: Publication, from: number, to: number): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `SELECT entry, hash FROM ${schema}.leaves WHERE index >= $1 AND index < $2 ORDER BY index`,
    [from, to],
  );
  if (rows.length === to - from) return rows;
  return fail({
    kind: 'conflict',
    what: `of the entries ${from} to ${to - 1} the database holds only ${rows.length}`,
    where: `schema ${schema}`,
    next: 'put the database back from a backup; entries were removed from it',
  });
}
