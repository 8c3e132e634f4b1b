import { describe, expect, test } from 'vitest';
import { sampleApp } from '../../../test/sample-app.ts';
import { bucketBounds } from './buckets.ts';
import { goldenSettings } from './settings.ts';

const app = sampleApp();
const bounds = bucketBounds(app, goldenSettings(app, 'production'));

/** What Prometheus' histogram_quantile reads: linear interpolation in the bucket that holds the quantile. */
function readQuantile(quantile: number, latencies: readonly number[]): number {
  const rank = quantile * latencies.length;
  let below = 0;
  let low = 0;
  for (const bound of bounds) {
    const within = latencies.filter((l) => l <= bound).length;
    if (within >= rank) return low + ((bound - low) * (rank - below)) / (within - below);
    below = within;
    low = bound;
  }
  return Number.POSITIVE_INFINITY;
}

const many = (count: number, value: number) => Array<number>(count).fill(value);

describe('bounds of the latency histogram', () => {
  test('rise, and one lies exactly at the objective and at the alert', () => {
    expect(bounds).toContain(200);
    expect(bounds).toContain(500);
    expect(bounds.every((b, i) => i === 0 || b > (bounds[i - 1] ?? 0))).toBe(true);
  });

  test.each([
    { name: '10 % at 245 ms', latencies: [...many(900, 20), ...many(100, 245)], truth: 245 },
    { name: 'all at 110 ms', latencies: many(1_000, 110), truth: 110 },
    { name: '6 % at 501 ms', latencies: [...many(940, 20), ...many(60, 501)], truth: 501 },
  ])('P95 of $name is read within 1 %', ({ latencies, truth }) => {
    expect(Math.abs(readQuantile(0.95, latencies) - truth) / truth).toBeLessThan(0.01);
  });

  test('tell on which side of the objective the P95 lies, by one request', () => {
    expect(readQuantile(0.95, [...many(950, 199), ...many(50, 201)])).toBeLessThanOrEqual(200);
    expect(readQuantile(0.95, [...many(949, 199), ...many(51, 201)])).toBeGreaterThan(200);
  });

  test('are few enough for one histogram', () => expect(bounds.length).toBeLessThan(300));
});
