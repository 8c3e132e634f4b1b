import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { sealStatement } from '../../src/evidence/envelope.ts';
import type { NewLeaf } from '../../src/evidence/leaf.ts';
import { leafHash } from '../../src/evidence/merkle.ts';
import type { SignerKey } from '../../src/evidence/note.ts';
import { statementText } from '../../src/evidence/statement.ts';
import { decodeBundle, encodeBundle, tilePath, tilesOfLevel } from '../../src/evidence/tile.ts';
import { RightEdge } from '../../src/ledger/right-edge.ts';

/** A ledger's files written without a database: for whoever wants to tamper with them. */

export const sealed = (leaves: readonly NewLeaf[], key: SignerKey): Buffer[] =>
  leaves.map((leaf, index) => sealStatement(statementText({ ...leaf, index }), key, `entry ${index}`));

/** Writes bundles and tiles over whatever is there; what somebody without the key can do. */
export function writeTree(directory: string, entries: readonly Buffer[]): RightEdge {
  rmSync(join(directory, 'tile'), { recursive: true, force: true });
  const edge = new RightEdge();
  const full = entries.flatMap((entry) => edge.add(leafHash(entry)));
  for (const { tile, content } of [...full, ...edge.partial()]) write(directory, tilePath(tile), content);
  writeBundles(directory, entries);
  return edge;
}

export function writeBundles(directory: string, entries: readonly Buffer[]): void {
  rmSync(join(directory, 'tile/entries'), { recursive: true, force: true });
  for (const tile of tilesOfLevel('entries', entries.length))
    write(directory, tilePath(tile), encodeBundle(entries.slice(tile.index * 256, tile.index * 256 + tile.width)));
}

/** Writes a whole ledger with its signed checkpoint, which is returned. */
export function writeLedger(directory: string, entries: readonly Buffer[], key: SignerKey): string {
  const edge = writeTree(directory, entries);
  const checkpoint = signCheckpoint({ origin: key.verifier.name, size: entries.length, root: edge.root() }, key);
  write(directory, 'checkpoint', checkpoint);
  return checkpoint;
}

export const readEntries = (directory: string, size: number): Buffer[] =>
  tilesOfLevel('entries', size).flatMap((tile) => [
    ...decodeBundle(readFileSync(join(directory, tilePath(tile)))).entries,
  ]);

export function write(directory: string, file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  writeFileSync(join(directory, file), content);
}
