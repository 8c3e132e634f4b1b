import type { Checkpoint } from '../evidence/checkpoint.ts';
import { type Hash, rootOf } from '../evidence/merkle.ts';
import { TILE_WIDTH, tilePath, tilesOfLevel } from '../evidence/tile.ts';
import type { Fault } from './fault.ts';
import { CHECKPOINT_FILE, readLogFile } from './log-files.ts';

/** The hash of an entry, or nothing where the entry could not be read. */
export type FoundHash = Hash | undefined;

export type CheckedTree = {
  readonly faults: readonly Fault[];
  /** The hashes that lead to the signed root, where any do; else those of the entries. */
  readonly hashes: readonly FoundHash[];
};

/**
 * Holds the entries and the tiles against the signed root. Whichever of the two leads to it is true, and then the other
 * one is at fault, file by file or entry by entry.
 */
export async function treeFaults(
  directory: string,
  checkpoint: Checkpoint,
  entries: readonly FoundHash[],
): Promise<CheckedTree> {
  const { size } = checkpoint;
  const tiles = await readLevel(directory, 0, size);
  const leavesOfTiles = tiles.flatMap((tile) => tile.hashes);
  if (leadsTo(checkpoint, entries)) return { faults: await tileFaults(directory, size, entries), hashes: entries };
  const replaced = placesThatDiffer(entries, leavesOfTiles).map((entry): Fault => ({ kind: 'not-in-tree', entry }));
  if (leadsTo(checkpoint, leavesOfTiles))
    return { faults: [...replaced, ...(await tileFaults(directory, size, leavesOfTiles))], hashes: leavesOfTiles };
  return { faults: [{ kind: 'root-differs', file: CHECKPOINT_FILE }, ...replaced], hashes: entries };
}

const isWhole = (hashes: readonly FoundHash[], size: number): hashes is readonly Hash[] =>
  hashes.length === size && !hashes.includes(undefined);

const leadsTo = ({ size, root }: Checkpoint, hashes: readonly FoundHash[]): boolean =>
  isWhole(hashes, size) && rootOf(hashes).equals(root);

function placesThatDiffer(entries: readonly FoundHash[], tiles: readonly FoundHash[]): number[] {
  return [...entries.keys()].filter((i) => {
    const [entry, tile] = [entries[i], tiles[i]];
    return entry !== undefined && tile !== undefined && !entry.equals(tile);
  });
}

/** Every tile of the tree held against the hashes that are known to be true. */
async function tileFaults(directory: string, size: number, leaves: readonly FoundHash[]): Promise<Fault[]> {
  const faults: Fault[] = [];
  let hashes = leaves;
  for (let level = 0; TILE_WIDTH ** level <= size; level++) {
    for (const { file, index, found, hashes: inFile } of await readLevel(directory, level, size)) {
      const first = index * TILE_WIDTH;
      const same = inFile.every((hash, i) => hash !== undefined && hashes[first + i]?.equals(hash));
      if (!found) faults.push({ kind: 'file-missing', file });
      else if (!same) faults.push({ kind: 'tile-differs', file });
    }
    hashes = levelAbove(hashes);
  }
  return faults;
}

/** The roots of the full tiles of a level. */
function levelAbove(hashes: readonly FoundHash[]): FoundHash[] {
  const full = Math.floor(hashes.length / TILE_WIDTH);
  return Array.from({ length: full }, (_, i) => {
    const tile = hashes.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH);
    return isWhole(tile, TILE_WIDTH) ? rootOf(tile) : undefined;
  });
}

type LevelTile = {
  readonly file: string;
  readonly index: number;
  readonly found: boolean;
  /** As many as the tile must hold; nothing in place of those that are not there. */
  readonly hashes: readonly FoundHash[];
};

async function readLevel(directory: string, level: number, size: number): Promise<LevelTile[]> {
  const read: LevelTile[] = [];
  for (const tile of tilesOfLevel(level, size)) {
    const found = await readLogFile(directory, tile);
    const exact = found !== undefined && found.content.length === 32 * widthOf(found.file, tile.width);
    const hashes = Array.from({ length: tile.width }, (_, i) =>
      exact ? found.content.subarray(i * 32, (i + 1) * 32) : undefined,
    );
    read.push({ file: found?.file ?? tilePath(tile), index: tile.index, found: found !== undefined, hashes });
  }
  return read;
}

const widthOf = (file: string, width: number): number => (file.endsWith(`.p/${width}`) ? width : TILE_WIDTH);

/** Whether the ledger goes on from an earlier checkpoint that was kept elsewhere. */
export function anchorFaults(anchor: Checkpoint, checkpoint: Checkpoint, hashes: readonly FoundHash[]): Fault[] {
  if (anchor.origin !== checkpoint.origin)
    return [{ kind: 'anchor-refused', because: `it is of the ledger ${anchor.origin}, not ${checkpoint.origin}` }];
  if (anchor.size > checkpoint.size) return [{ kind: 'truncated', entry: checkpoint.size, anchored: anchor.size }];
  return leadsTo(anchor, hashes.slice(0, anchor.size)) ? [] : [{ kind: 'fork', anchored: anchor.size }];
}
