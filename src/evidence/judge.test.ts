import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVerdict, judge } from './judge.ts';
import type { Measurement, Observed } from './measurement.ts';
import { absent, exactly } from './measurement.ts';
import type { Comparator, Objective } from './objective.ts';
import { days, instant } from './units.ts';

const measured = (observed: Observed, more: Partial<Measurement> = {}): Measurement => ({
  metric: 'http.latency.p95',
  unit: 'ms',
  of: '',
  observed,
  quietness: { kind: 'quiet' },
  from: instant(0),
  to: instant(1_000),
  host: 'local',
  method: { kind: 'load', text: '10000 requests a minute' },
  artefacts: [],
  ...more,
});

const asked = (more: Partial<Objective> = {}): Objective => ({
  id: 'latency-p95',
  metric: 'http.latency.p95',
  comparator: '<',
  threshold: 200,
  unit: 'ms',
  gate: 'hold',
  maximumAge: days(1),
  minimumSamples: 1,
  source: 'plan A.1',
  ...more,
});

const value = (v: number, low: number, high: number, n = 1_000, resolution = 0): Observed => ({
  kind: 'value',
  value: v,
  interval: [low, high],
  n,
  resolution,
});

describe('judge', () => {
  it('passes where the whole interval is on the right side', () => {
    expect(judge(measured(value(150, 140, 160)), asked()).kind).toBe('pass');
  });

  it('fails where the whole interval is on the wrong side', () => {
    expect(judge(measured(value(250, 240, 260)), asked()).kind).toBe('fail');
  });

  it.each([
    ['an interval that straddles the threshold', measured(value(190, 170, 210))],
    ['a method that cannot tell the value from the threshold', measured(value(199, 199, 199, 1_000, 10))],
    ['an absent series', measured(absent('no series'))],
    ['no observations', measured(value(0, 0, 0, 0))],
    ['a disturbed machine', measured(value(10, 10, 10), { quietness: { kind: 'disturbed', reason: 'steal 20 %' } })],
    ['another unit', measured(value(0.1, 0.1, 0.1), { unit: 's' })],
    ['another metric', measured(value(10, 10, 10), { metric: 'http.latency.p50' })],
    ['not a number', measured(value(Number.NaN, 0, 1))],
    ['an interval that does not hold its value', measured(value(10, 20, 30))],
    ['nothing measured', undefined],
  ])('says unknown for %s', (_case, measurement) => {
    expect(judge(measurement, asked()).kind).toBe('unknown');
  });

  it('says unknown where fewer samples were taken than the objective asks for', () => {
    expect(judge(measured(value(10, 10, 10, 99)), asked({ minimumSamples: 100 })).kind).toBe('unknown');
  });

  it('says unknown for zero violations among zero things examined', () => {
    const none = measured(exactly(0, 0), { metric: 'secrets.found', unit: 'count' });
    expect(judge(none, asked({ metric: 'secrets.found', unit: 'count', comparator: '==', threshold: 0 })).kind).toBe(
      'unknown',
    );
  });

  it('treats a threshold as part of the wrong side for < and of the right side for <=', () => {
    expect(judge(measured(exactly(200, 1)), asked({ comparator: '<' })).kind).toBe('fail');
    expect(judge(measured(exactly(200, 1)), asked({ comparator: '<=' })).kind).toBe('pass');
  });

  const comparators: Comparator[] = ['<', '<=', '>', '>=', '=='];
  const numbers = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  const holds: Record<Comparator, (x: number, t: number) => boolean> = {
    '<': (x, t) => x < t,
    '<=': (x, t) => x <= t,
    '>': (x, t) => x > t,
    '>=': (x, t) => x >= t,
    '==': (x, t) => x === t,
  };

  it('never passes or fails against any value that the interval allows', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...comparators),
        numbers,
        numbers,
        numbers,
        numbers,
        (comparator, a, b, c, threshold) => {
          const [low, middle, high] = [a, b, c].sort((x, y) => x - y) as [number, number, number];
          const verdict = judge(measured(value(middle, low, high)), asked({ comparator, threshold }));
          for (const possible of [low, middle, high]) {
            if (verdict.kind === 'pass') expect(holds[comparator](possible, threshold)).toBe(true);
            if (verdict.kind === 'fail') expect(holds[comparator](possible, threshold)).toBe(false);
          }
        },
      ),
    );
  });

  it('never turns a pass into a fail, or a fail into a pass, when less is known', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...comparators),
        numbers,
        fc.double({ min: 0, max: 1e3, noNaN: true }),
        numbers,
        (comparator, v, doubt, threshold) => {
          const sure = judge(measured(value(v, v, v)), asked({ comparator, threshold })).kind;
          const unsure = judge(measured(value(v, v - doubt, v + doubt)), asked({ comparator, threshold })).kind;
          expect([sure, 'unknown']).toContain(unsure);
        },
      ),
    );
  });
});

describe('a verdict', () => {
  it('is known as genuine only when judge made it', () => {
    const real = judge(measured(value(150, 140, 160)), asked());
    expect(isVerdict(real)).toBe(true);
    expect(isVerdict({ ...real })).toBe(false);
    expect(isVerdict(JSON.parse(JSON.stringify(real)))).toBe(false);
  });

  it('cannot be changed afterwards', () => {
    const real = judge(measured(value(250, 240, 260)), asked());
    expect(() => Object.assign(real, { kind: 'pass' })).toThrow();
  });
});
