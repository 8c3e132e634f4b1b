import { LARGEST_LEAF } from './leaf.ts';
import { HASH_SIZE, type Hash } from './merkle.ts';
import { type Read, unreadable } from './note.ts';

/**
 * The files of a log as C2SP tlog-tiles lays them out: hashes of the tree in tiles 256 wide, entries in bundles of 256.
 */
export const TILE_WIDTH = 256;

/** A tile of hashes, or (level `entries`) a bundle. `width` 256 is full; a partial one is at the right edge of its level. */
export type Tile = {
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
};

export const isFull = (tile: Tile): boolean => tile.width === TILE_WIDTH;

/** `tile/0/x001/x234/067`, `tile/entries/000.p/112` */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/.{3}/g) ?? [];
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** The tiles of one level that a tree of `size` entries has, left to right. */
export function tilesOfLevel(level: number | 'entries', size: number): Tile[] {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === 'entries' ? 0 : level));
  const full = Math.floor(hashes / TILE_WIDTH);
  const tiles = Array.from({ length: full }, (_, index): Tile => ({ level, index, width: TILE_WIDTH }));
  const rest = hashes % TILE_WIDTH;
  return rest === 0 ? tiles : [...tiles, { level, index: full, width: rest }];
}

/** Every tile of hashes of a tree of `size` entries, from the leaves upwards. */
export function tilesOfTree(size: number): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; TILE_WIDTH ** level <= size; level++) tiles.push(...tilesOfLevel(level, size));
  return tiles;
}

export const encodeTile = (hashes: readonly Hash[]): Buffer => Buffer.concat(hashes);

/** The first `width` hashes of a tile; a fuller tile may stand for a partial one. */
export function decodeTile(data: Buffer, width: number): Read<Hash[]> {
  if (data.length < width * HASH_SIZE || data.length % HASH_SIZE !== 0)
    return unreadable(`it is ${data.length} bytes long, ${width * HASH_SIZE} are needed`);
  return {
    kind: 'read',
    value: Array.from({ length: width }, (_, i) => data.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE)),
  };
}

/** @throws RangeError for an entry of more than {@link LARGEST_LEAF} bytes, which 16 bits cannot count */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      if (entry.length > LARGEST_LEAF) throw new RangeError(`an entry of ${entry.length} bytes`);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

/**
 * The entries of a bundle as far as they can be read, and what is wrong after them. What is in an entry is not looked at.
 */
export type Bundle = { readonly entries: readonly Buffer[]; readonly damage: string | undefined };

export function decodeBundle(data: Buffer): Bundle {
  const entries: Buffer[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + 2 > data.length) return { entries, damage: 'it ends within the length of an entry' };
    const end = at + 2 + data.readUInt16BE(at);
    if (end > data.length) return { entries, damage: `its entry ${entries.length} is cut off` };
    entries.push(data.subarray(at + 2, end));
    at = end;
  }
  return { entries, damage: undefined };
}
