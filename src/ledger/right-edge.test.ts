import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leafHash, rootOf } from '../evidence/merkle.ts';
import { tilePath, tilesOfTree } from '../evidence/tile.ts';
import { RightEdge } from './right-edge.ts';

const hashes = Array.from({ length: 66_000 }, (_, i) => leafHash(Buffer.from(String(i))));

describe('the right edge of a tree', () => {
  it('has the root of the whole tree at every size that matters', () => {
    const edge = new RightEdge();
    const sizes = new Set([0, 1, 2, 255, 256, 257, 511, 512, 513, 700, 65_535, 65_536, 65_537, 65_792, 66_000]);
    for (let size = 0; size <= hashes.length; size++) {
      if (sizes.has(size)) expect(edge.root(), `size ${size}`).toEqual(rootOf(hashes.slice(0, size)));
      const next = hashes[size];
      if (next) edge.add(next);
    }
  });

  it('gives exactly the tiles that a tree of its size has', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1500 }), (size) => {
        const edge = new RightEdge();
        const full = hashes.slice(0, size).flatMap((hash) => edge.add(hash));
        const paths = [...full, ...edge.partial()].map(({ tile }) => tilePath(tile));
        expect(paths.sort()).toEqual(tilesOfTree(size).map(tilePath).sort());
      }),
      { numRuns: 30 },
    );
  });
});
