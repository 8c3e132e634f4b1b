import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hash } from '../evidence/merkle.ts';
import { type Read, unreadable } from '../evidence/note.ts';
import { type Bundle, decodeBundle, decodeTile, isFull, TILE_WIDTH, type Tile, tilePath } from '../evidence/tile.ts';
import { readIfThere } from './durable-file.ts';

/**
 * The files of a ledger, in STATE/ledger and in an export: `checkpoint`, `ledger.pub`, `tile/…`, and the artefacts
 * beside them.
 */
export const CHECKPOINT_FILE = 'checkpoint';
export const ARTEFACTS_DIRECTORY = 'artefacts';

/** A file of the log as it was found: `file` is its path within the ledger's directory. */
export type LogFile = { readonly file: string; readonly content: Buffer };

/**
 * The file of a tile. Where an incomplete tile is gone, the full one of the same place holds all of it: a ledger drops
 * the incomplete ones once they are full.
 */
export async function readLogFile(directory: string, tile: Tile): Promise<LogFile | undefined> {
  for (const width of isFull(tile) ? [TILE_WIDTH] : [tile.width, TILE_WIDTH]) {
    const file = tilePath({ ...tile, width });
    const content = await readIfThere(join(directory, file));
    if (content !== undefined) return { file, content };
  }
  return undefined;
}

/**
 * The widest file there is of a place whose incomplete tile is gone: an earlier state of it, or what somebody left of it.
 * Only to say more exactly what is missing.
 */
export async function readNarrowerLogFile(directory: string, tile: Tile): Promise<LogFile | undefined> {
  const folder = `${tilePath({ ...tile, width: TILE_WIDTH })}.p`;
  const names = await readdir(join(directory, folder)).catch(() => []);
  const width = Math.max(0, ...names.map(Number).filter((n) => Number.isSafeInteger(n) && n > 0 && n < tile.width));
  return width === 0 ? undefined : readLogFile(directory, { ...tile, width });
}

export async function readTile(directory: string, tile: Tile): Promise<Read<Hash[]>> {
  const found = await readLogFile(directory, tile);
  return found === undefined ? unreadable('it is not there') : decodeTile(found.content, tile.width);
}

/** The entries that belong to a bundle of this width; a fuller file may hold more, which are left out. */
export function entriesOf(found: LogFile, tile: Tile): Bundle {
  const bundle = decodeBundle(found.content);
  const fuller = found.file === tilePath({ ...tile, width: TILE_WIDTH }) && !isFull(tile);
  return fuller ? { ...bundle, entries: bundle.entries.slice(0, tile.width) } : bundle;
}
