import { describe, expect, it } from 'vitest';
import { wilson } from './load-measurements.ts';

describe('the interval of a share', () => {
  it.each([
    // Values from Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i agrees with the published value', (k, n, low, high) => {
    const [a, b] = wilson(k, n);
    expect(a).toBeCloseTo(low, 4);
    expect(b).toBeCloseTo(high, 4);
  });
});
