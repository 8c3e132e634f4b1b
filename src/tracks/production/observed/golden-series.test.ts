import { describe, expect, it } from 'vitest';
import { judge } from '../../../evidence/judge.ts';
import type { Observed } from '../../../evidence/measurement.ts';
import type { Comparator } from '../../../evidence/objective.ts';
import type { Sample } from '../../../probes/promql.ts';
import { ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import {
  coverageOf,
  errorShare,
  histogramIn,
  latencyP95,
  lookbackS,
  numbersOf,
  rangeWithin,
  requestRate,
} from './golden-series.ts';

const samples = (...values: number[]): Sample[] => values.map((value, i) => ({ timeS: 1_000 + 5 * i, value }));
const verdict = (observed: Observed, comparator: Comparator, threshold: number) => {
  const note = notebook('local', () => 0 as never);
  const measured = note({ metric: 'm', unit: 'ms', observed, method: { kind: 'query', text: 'q' } });
  return judge(measured, ask({ id: 'm', metric: 'm', is: [comparator, threshold, 'ms'], source: 'a test' })).kind;
};

describe('how far a query looks back', () => {
  it.each([
    ['sum(rate(http_requests_total[1m]))', 60],
    ['sum(rate(a[30s])) / sum(rate(b[5m]))', 300],
    ['max_over_time(rate(a[1m])[1h30m:15s])', 5_400],
    ['job:http_requests:rate1m', 60],
  ])('%s: %d s', (query, seconds) => {
    expect(lookbackS(query)).toBe(seconds);
  });

  it('moves the first look so far into the window that nothing from before it counts', () => {
    expect(rangeWithin({ startS: 1_000, endS: 1_400 }, 60)).toEqual({ startS: 1_060, endS: 1_400, stepS: 5 });
  });

  it('leaves nothing of a window that is too short', () => {
    expect(rangeWithin({ startS: 1_000, endS: 1_060 }, 60)).toBeUndefined();
    expect(rangeWithin({ startS: 1_000, endS: 1_060 }, 300)).toBeUndefined();
  });

  it('asks for no more points than Prometheus gives for a window of 30 days', () => {
    const range = rangeWithin({ startS: 0, endS: 30 * 86_400 }, 60);
    expect(range && (range.endS - range.startS) / range.stepS).toBeLessThanOrEqual(10_000);
  });
});

describe('what a query gives', () => {
  it('must be one series: which of several is meant cannot be told', () => {
    const series = [1, 2].map((n) => ({ labels: { pod: `${n}` }, samples: samples(n) }));
    expect(numbersOf({ kind: 'series', series, warnings: [] })).toMatchObject({ kind: 'unusable' });
  });

  it('is no number where it is NaN, as a quantile of no requests is', () => {
    expect(numbersOf({ kind: 'series', series: [{ labels: {}, samples: samples(Number.NaN) }], warnings: [] })).toEqual(
      {
        kind: 'none',
      },
    );
  });

  it('covers the window as far as there are numbers', () => {
    const range = { startS: 1_000, endS: 1_045, stepS: 5 };
    expect(coverageOf(samples(1, 1, 1, 1, 1), range)).toMatchObject({ value: 50, n: 10 });
  });
});

describe('failed requests of all', () => {
  const over = { stepS: 5, lookback: 10 };

  it('are none where no series of errors stands beside counted requests', () => {
    expect(errorShare(samples(10, 10), undefined, over)).toMatchObject({ value: 0, interval: [0, 0], n: 100 });
  });

  it('are unknown where no request was counted', () => {
    expect(errorShare(samples(0, 0), samples(0, 0), over)).toMatchObject({ kind: 'absent' });
  });

  it('count for more where they came at an end of the window, because fewer looks saw them', () => {
    const late = errorShare(samples(10, 10, 10, 10), samples(0, 0, 0, 0.1), over);
    expect(late).toMatchObject({ value: 0.25, interval: [0.25, 0.75] });
    expect(verdict(late, '<', 0.5)).toBe('unknown');
  });
});

describe('the P95 of a window, from P95s of its parts', () => {
  const buckets = [0.1, 0.25, 0.5, 1];

  it('passes where each part lies in a bucket below the objective', () => {
    expect(verdict(latencyP95(samples(0.06, 0.2, 0.24), buckets), '<=', 250)).toBe('pass');
  });

  it('is unknown where a bucket holds the objective: the true one may lie on either side', () => {
    expect(verdict(latencyP95(samples(0.17, 0.18), buckets), '<=', 200)).toBe('unknown');
  });

  it('fails where every part lies in a bucket above it', () => {
    expect(verdict(latencyP95(samples(0.3, 0.4), buckets), '<=', 200)).toBe('fail');
    expect(verdict(latencyP95(samples(0.3, 0.4), buckets), '<=', 250)).toBe('fail');
  });

  it('is unknown beyond the last bucket, where Prometheus gives its bound for whatever is longer', () => {
    expect(latencyP95(samples(0.3, 1), buckets)).toMatchObject({ kind: 'absent' });
  });

  it('is as it is said where there are no buckets', () => {
    expect(latencyP95(samples(0.1, 0.2, 0.4), [])).toMatchObject({ value: 200, interval: [100, 400] });
  });

  it('knows the histogram that a query reads', () => {
    expect(histogramIn('histogram_quantile(0.95, sum by (le) (rate(http_seconds_bucket{job="a"}[1m])))')).toBe(
      'http_seconds_bucket',
    );
    expect(histogramIn('max(http_seconds{quantile="0.95"})')).toBeUndefined();
  });
});

it('a rate is read as requests a minute', () => {
  expect(requestRate(samples(10, 12))).toMatchObject({ value: 660, n: 2 });
});
