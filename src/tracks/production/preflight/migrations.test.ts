import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../../evidence/units.ts';
import { longestLock } from './migrations.ts';

const lock = (relation: string, heldFor: number) => ({ relation, heldFor: milliseconds(heldFor) });

describe('the longest lock', () => {
  it('is as sure as the looks were close together', () => {
    const { observed } = longestLock([lock('letters', 60), lock('stamps', 20)], [5, 27, 49, 71, 93], [0, 100]);
    expect(observed).toMatchObject({ value: 60, interval: [18, 106], n: 5 });
  });

  it('may have gone unseen for as long as nobody looked', () => {
    const { observed } = longestLock([], [5, 25, 705, 725], [0, 730]);
    expect(observed).toMatchObject({ value: 0, interval: [0, 1_360], n: 4 });
  });

  it('may have been held before the first look and after the last', () => {
    expect(longestLock([], [400], [0, 410]).observed).toMatchObject({ interval: [0, 800], n: 1 });
    expect(longestLock([], [10], [0, 410]).observed).toMatchObject({ interval: [0, 800], n: 1 });
  });

  it('is not known where nobody looked', () => {
    expect(longestLock([], [], [0, 10]).observed).toMatchObject({ kind: 'absent' });
  });
});
