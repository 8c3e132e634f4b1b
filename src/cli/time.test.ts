import { describe, expect, it } from 'vitest';
import { days, hours, instant, minutes, seconds } from '../evidence/units.ts';
import { ageText, elapsedText, hoursText, lengthText } from './time.ts';

describe('a length of time', () => {
  it.each([
    [340, '340 ms'],
    [2_150, '2.1 s'],
    [12_900, '12 s'],
    [minutes(2), '2 m'],
    [minutes(4) + seconds(5), '4 m 05 s'],
    [hours(24), '24 h'],
    [days(3) + hours(4), '3 d 04 h'],
  ])('%i ms is written %s', (length, text) => {
    expect(lengthText(length)).toBe(text);
  });

  it('that is watched is written to the second', () => {
    expect([0, 7_999, 245_000, 3_731_000].map(elapsedText)).toEqual(['0:00', '0:07', '4:05', '1:02:11']);
  });

  it('of the written plan is written in hours', () => {
    expect(hoursText(hours(2), hours(2.5))).toBe('2-2.5 h');
  });
});

describe('an age', () => {
  it('is written in its largest whole unit', () => {
    const now = instant(days(100));
    expect(ageText(instant(now - days(3)), now)).toBe('3 days old');
    expect(ageText(instant(now - hours(1)), now)).toBe('1 hour old');
    expect(ageText(instant(now + 5), now)).toBe('new');
  });
});
