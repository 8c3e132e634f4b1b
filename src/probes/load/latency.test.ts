import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram, type LatencySummary, orderStatisticInterval } from './latency.ts';

function summary(latencies: Iterable<number>, unanswered = 0, ownDelayMs = 0): LatencySummary {
  const histogram = new LatencyHistogram();
  for (const latency of latencies) histogram.record(latency);
  const result = histogram.summary(unanswered, ownDelayMs);
  if (result === 'none') throw new Error('nothing recorded');
  return result;
}

const near = (value: number | string, expected: number) => Math.abs(Number(value) / expected - 1);
const repeat = (n: number, value: (i: number) => number) => Array.from({ length: n }, (_, i) => value(i));

describe('percentiles of the histogram', () => {
  it('lie within 1 % of the analytic answers of the scripts', () => {
    const stall = repeat(10_000, (i) => (i >= 4_000 && i < 5_000 ? 5_000 - i : 0));
    expect(near(summary(stall).p99.value, 900)).toBeLessThan(0.01);
    const mixture = repeat(1_000, (i) => (i % 10 === 9 ? 245 : 20));
    expect(near(summary(mixture).p95.value, 245)).toBeLessThan(0.01);
    expect(summary(repeat(1_000, () => 110)).p95).toMatchObject({
      low: expect.closeTo(110, 0),
      high: expect.closeTo(110, 0),
    });
  });

  it('are always inside their interval, and the sample quantile is inside the cell', () => {
    const latencies = fc.array(fc.double({ min: 0.1, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(latencies, (values) => {
        const { p90 } = summary(values);
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(0.9 * values.length - 1e-9) - 1] ?? 0;
        expect(Math.abs(Number(p90.value) - exact)).toBeLessThanOrEqual(exact / 128 + 0.001);
        expect(p90.low).toBeLessThanOrEqual(exact);
        if (p90.high !== 'unbounded') expect(p90.high).toBeGreaterThanOrEqual(exact);
      }),
    );
  });

  it('have a wide interval from few requests and a narrow one from many', () => {
    expect(summary(repeat(10, (i) => i + 1)).p95.high).toBe('unbounded');
    const width = (n: number) => {
      const { p95 } = summary(repeat(n, (i) => (100 * (i + 1)) / n));
      return Number(p95.high) - p95.low;
    };
    expect(width(1_000)).toBeGreaterThan(width(100_000));
    expect(width(100_000)).toBeLessThan(2);
  });

  it('rank a request without an answer above every answered one', () => {
    const { p95, p50, max } = summary(
      repeat(90, () => 10),
      10,
    );
    expect(p50.value).toBeCloseTo(10, 0);
    expect(p95).toMatchObject({ value: 'unanswered', high: 'unbounded' });
    expect(max.value).toBe('unanswered');
  });

  it("take the generator's own delay off the lower end only", () => {
    const { p50 } = summary(
      repeat(1_000, () => 100),
      0,
      3,
    );
    expect(p50.low).toBeCloseTo(97, 0);
    expect(p50.high).toBeGreaterThanOrEqual(100);
  });

  it('do not exist without a request', () => {
    expect(new LatencyHistogram().summary(0, 0)).toBe('none');
  });
});

describe('the interval from order statistics', () => {
  // Hahn & Meeker, Statistical Intervals, and by hand: the median of 10 at 95 % lies between the 2nd and the 9th (97.9 %).
  it('agrees with the textbook for the median of 10', () => {
    expect(orderStatisticInterval(10, 0.5, 0.95)).toEqual({ lowerRank: 2, upperRank: 9 });
  });

  it('has an upper end for P99 from 368 requests on, as 0.99^n <= 2.5 % asks', () => {
    expect(orderStatisticInterval(367, 0.99, 0.95).upperRank).toBe(368);
    expect(orderStatisticInterval(368, 0.99, 0.95).upperRank).toBe(368);
  });

  it('covers the true quantile of random samples at least as often as it says', () => {
    let covered = 0;
    let state = 12345;
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    };
    for (let trial = 0; trial < 2_000; trial += 1) {
      const sample = repeat(200, random).toSorted((a, b) => a - b);
      const { lowerRank, upperRank } = orderStatisticInterval(200, 0.9, 0.95);
      if ((sample[lowerRank - 1] ?? 0) <= 0.9 && 0.9 <= (sample[upperRank - 1] ?? 1)) covered += 1;
    }
    expect(covered / 2_000).toBeGreaterThan(0.94);
  });
});
