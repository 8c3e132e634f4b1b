import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LARGEST_LEAF } from './leaf.ts';
import { decodeBundle, decodeTile, encodeBundle, tilePath, tilesOfLevel, tilesOfTree } from './tile.ts';

describe('paths of tiles', () => {
  it.each([
    [{ level: 0, index: 1234067, width: 256 }, 'tile/0/x001/x234/067'],
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 2, index: 999, width: 1 }, 'tile/2/999.p/1'],
    [{ level: 1, index: 1000, width: 255 }, 'tile/1/x001/000.p/255'],
    [{ level: 'entries', index: 273, width: 112 }, 'tile/entries/273.p/112'],
  ] as const)('%o is %s', (tile, path) => expect(tilePath(tile)).toBe(path));
});

describe('the tiles of a tree', () => {
  it('of 70,000 entries are those that the specification counts', () => {
    const counted = tilesOfTree(70_000);
    const of = (level: number) => counted.filter((t) => t.level === level);
    expect(of(0)).toHaveLength(274);
    expect(of(0).at(-1)).toEqual({ level: 0, index: 273, width: 112 });
    expect(of(1)).toEqual([
      { level: 1, index: 0, width: 256 },
      { level: 1, index: 1, width: 17 },
    ]);
    expect(of(2)).toEqual([{ level: 2, index: 0, width: 1 }]);
    expect(of(3)).toEqual([]);
    expect(tilesOfLevel('entries', 70_000)).toHaveLength(274);
  });

  it('of 256 entries are a full one and above it a partial one of width 1', () => {
    expect(tilesOfTree(256)).toEqual([
      { level: 0, index: 0, width: 256 },
      { level: 1, index: 0, width: 1 },
    ]);
  });

  it('of no entries are none', () => expect(tilesOfTree(0)).toEqual([]));
});

describe('bundles of entries', () => {
  it('carry a big-endian 16-bit length before each entry', () => {
    expect(encodeBundle([Buffer.from('ab'), Buffer.alloc(0)]).toString('hex')).toBe('000261620000');
  });

  it('give back what was put in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (entries) => {
        const bundle = decodeBundle(encodeBundle(entries));
        expect(bundle.damage).toBeUndefined();
        expect(bundle.entries.map((e) => [...e])).toEqual(entries.map((e) => [...e]));
      }),
    );
  });

  it('hold an entry of 65,535 bytes and none that is larger', () => {
    expect(decodeBundle(encodeBundle([Buffer.alloc(LARGEST_LEAF)])).entries[0]).toHaveLength(65_535);
    expect(() => encodeBundle([Buffer.alloc(LARGEST_LEAF + 1)])).toThrow(RangeError);
  });

  it('that are cut off give the entries before the cut and say so', () => {
    const data = encodeBundle([Buffer.from('one'), Buffer.from('two')]);
    for (const length of [6, 7, 9]) {
      const { entries, damage } = decodeBundle(data.subarray(0, length));
      expect(entries.map(String)).toEqual(['one']);
      expect(damage).toBeDefined();
    }
  });
});

describe('a tile', () => {
  it('is read up to the width that is asked for, from a fuller one too', () => {
    const data = Buffer.alloc(96, 1);
    expect(decodeTile(data, 2)).toMatchObject({ kind: 'read', value: { length: 2 } });
    expect(decodeTile(data, 4).kind).toBe('unreadable');
    expect(decodeTile(data.subarray(0, 95), 2).kind).toBe('unreadable');
  });
});
