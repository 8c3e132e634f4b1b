import { describe, expect, it } from 'vitest';
import { minutes, seconds } from '../../../evidence/units.ts';
import { GOLDEN, type GoldenQuery } from '../../../parts/golden-metrics/queries.ts';
import { countQuery, observedOf, samplingNote } from './readings.ts';

const sampling = { window: minutes(2), scrapeInterval: seconds(5) };
const query = (metric: GoldenQuery['metric'], more: Partial<GoldenQuery> = {}): GoldenQuery => ({
  metric,
  unit: 'count',
  expr: 'x',
  ofLabel: undefined,
  count: undefined,
  from: undefined,
  ...more,
});

describe('on how much a golden metric rests', () => {
  it('is the number of scrapes where it is sampled', () => {
    expect(countQuery(query(GOLDEN.connections), sampling.window)).toBe(
      'max (count_over_time(pg_stat_database_numbackends[2m]))',
    );
    expect(countQuery(query(GOLDEN.memory, { ofLabel: 'unit' }), sampling.window)).toBe(
      'max by (unit) (count_over_time(holdpoint_unit_memory_bytes[2m]))',
    );
  });

  it('is the number of requests where those are counted, and one reading for a certificate', () => {
    expect(countQuery(query(GOLDEN.errorRate, { count: 'answers' }), sampling.window)).toBe('answers');
    expect(countQuery(query(GOLDEN.certificate), sampling.window)).toBeUndefined();
  });
});

describe('how sure a golden metric is', () => {
  it.each([GOLDEN.cpu, GOLDEN.cpuOfService, GOLDEN.memory, GOLDEN.connections])('%s is never exact', (metric) => {
    const observed = observedOf(metric, 30, 24, sampling);
    if (observed.kind !== 'value') throw new Error('no value');
    expect(observed.interval[0]).toBeLessThan(observed.interval[1]);
    expect(observed.resolution).toBeGreaterThan(0);
    expect(observed.n).toBe(24);
    expect(samplingNote(metric, 24, sampling)).toMatch(/^read 24 times, every 5 s at best/);
  });

  it('is more for processor time as the window grows: what is not seen is at most one scrape of it', () => {
    expect(observedOf(GOLDEN.cpu, 30, 24, sampling)).toMatchObject({ resolution: 100 / 24 });
    expect(observedOf(GOLDEN.cpu, 1, 24, sampling)).toMatchObject({ interval: [0, 1 + 50 / 24] });
  });

  it('is less than one request for what was counted', () => {
    const observed = observedOf(GOLDEN.errorRate, 0, 1_200, sampling);
    expect(observed).toMatchObject({ interval: [0, 0], resolution: 100 / 1_200, n: 1_200 });
    expect(samplingNote(GOLDEN.errorRate, 1_200, sampling)).toBeUndefined();
  });
});
