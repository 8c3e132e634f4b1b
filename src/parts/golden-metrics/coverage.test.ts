import { describe, expect, test } from 'vitest';
import { instant, seconds } from '../../evidence/units.ts';
import type { Scrape } from './coverage.ts';
import { coverage } from './coverage.ts';

const second = (s: number) => instant(s * 1_000);
const scrapes = (...at: number[]): Scrape[] => at.map((s) => ({ at: second(s), worked: 1 }));
const over = (list: readonly Scrape[], until = 60) => coverage(list, second(0), second(until), seconds(10));

describe('how much of a window was seen', () => {
  test('a scrape at each interval leaves no gap', () => {
    expect(over(scrapes(3, 13, 23, 33, 43, 53))).toMatchObject({ expected: 6, worked: 6, share: 1, gaps: [] });
  });

  test('a Prometheus that was stopped in the middle leaves a gap from its last scrape to its next', () => {
    const seen = over(scrapes(3, 13, 43, 53));
    expect(seen.gaps).toEqual([{ from: second(13), to: second(43) }]);
    expect(seen.longestGap).toBe(seconds(30));
    expect(seen.share).toBeCloseTo(4 / 6);
  });

  test('a scrape that did not work is none', () => {
    expect(over([...scrapes(3, 13, 33, 43, 53), { at: second(23), worked: 0 }]).gaps).toHaveLength(1);
  });

  test('beginning late and ending early are gaps', () => {
    expect(over(scrapes(25, 35)).gaps).toEqual([
      { from: second(0), to: second(25) },
      { from: second(35), to: second(60) },
    ]);
  });

  test('no scrape at all is one gap, the whole window, however short it is', () => {
    expect(over([])).toMatchObject({ worked: 0, share: 0, gaps: [{ from: second(0), to: second(60) }] });
    expect(over([], 5)).toMatchObject({ expected: 0, share: 0, gaps: [{ from: second(0), to: second(5) }] });
  });

  test('scrapes from outside the window do not count', () => {
    expect(over(scrapes(-5, 70))).toMatchObject({ worked: 0 });
  });
});
