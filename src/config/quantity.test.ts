import { describe, expect, it } from 'vitest';
import { durationIn, quantity, quantityIn, sizeIn } from './quantity.ts';

describe('durations, in milliseconds', () => {
  it.each([
    ['200ms', 200],
    ['0.29s', 290],
    ['2m', 120_000],
    ['2 min', 120_000],
    ['24h', 86_400_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
  ])('%s', (text, ms) => expect(durationIn(text)).toBe(ms));

  it.each(['', '24', 'h', '-1h', '1 h 30', '1e3s', '5 MB', '3 fortnights', '1h-30m'])('not %j', (text) =>
    expect(durationIn(text)).toBeUndefined(),
  );
});

describe('sizes, in bytes', () => {
  it.each([
    ['512 MiB', 536_870_912],
    ['512MB', 512_000_000],
    ['1.5 GiB', 1_610_612_736],
    ['64 kB', 64_000],
    ['1B', 1],
  ])('%s', (text, n) => expect(sizeIn(text)).toBe(n));

  it.each(['512', '512 mb', '0.3 B', '1 h', 'MiB'])('not %j', (text) => expect(sizeIn(text)).toBeUndefined());
});

describe('a threshold in the unit of its metric', () => {
  it.each([
    ['200ms', 'ms', 200],
    ['2s', 'ms', 2_000],
    ['200ms', 's', 0.2],
    ['30d', 'days', 30],
    ['36h', 'days', 1.5],
    ['0.1 %', 'percent', 0.1],
    ['0.1 %', 'ratio', 0.001],
    ['512 MiB', 'bytes', 536_870_912],
    ['10000/min', 'per-minute', 10_000],
    ['85', 'percent', 85],
    ['0', 'count', 0],
  ] as const)('%s in %s', (text, unit, value) => {
    const asked = quantity(text);
    expect(asked && quantityIn(asked, unit)).toBe(value);
  });

  it.each([
    ['200ms', 'bytes'],
    ['1 %', 'ms'],
    ['5/min', 'count'],
    ['512 MiB', 'days'],
  ] as const)('%s is none in %s', (text, unit) => {
    const asked = quantity(text);
    expect(asked).toBeDefined();
    expect(asked && quantityIn(asked, unit)).toBeUndefined();
  });
});
