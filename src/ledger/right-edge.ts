import { type Hash, rootOf } from '../evidence/merkle.ts';
import { encodeTile, TILE_WIDTH, type Tile } from '../evidence/tile.ts';

/** A tile with what is to be written into its file. */
export type TileContent = { readonly tile: Tile; readonly content: Buffer };

/**
 * All that is needed of a tree to let it grow: the hashes in the last, incomplete tile of each level. A tree of a
 * hundred million entries has an edge of four levels.
 */
export class RightEdge {
  /** `levels[L]` are the hashes of the incomplete tile of level L: fewer than 256 each. */
  readonly #levels: Hash[][];
  #size: number;

  constructor(size = 0, levels: readonly (readonly Hash[])[] = []) {
    this.#size = size;
    this.#levels = levels.map((hashes) => [...hashes]);
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf. Gives the tiles that are full now and never change again. */
  add(leaf: Hash): TileContent[] {
    const full: TileContent[] = [];
    this.#size++;
    let hash = leaf;
    for (let level = 0; ; level++) {
      const hashes = this.#levels[level] ?? [];
      this.#levels[level] = hashes;
      hashes.push(hash);
      if (hashes.length < TILE_WIDTH) return full;
      const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1)) - 1;
      full.push({ tile: { level, index, width: TILE_WIDTH }, content: encodeTile(hashes) });
      hash = rootOf(hashes);
      this.#levels[level] = [];
    }
  }

  /** The incomplete tiles. */
  partial(): TileContent[] {
    return this.#levels.flatMap((hashes, level) => {
      if (hashes.length === 0) return [];
      const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1));
      return [{ tile: { level, index, width: hashes.length }, content: encodeTile(hashes) }];
    });
  }

  /**
   * The root of the tree. From the leaves upwards: each level's hashes and, to the right of them, what the levels below
   * leave over, form a tree of their own.
   */
  root(): Hash {
    let below: Hash[] = [];
    for (const hashes of this.#levels) {
      const all = [...hashes, ...below];
      below = all.length === 0 ? [] : [rootOf(all)];
    }
    return rootOf(below);
  }
}
