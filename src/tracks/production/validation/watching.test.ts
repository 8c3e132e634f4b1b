import { describe, expect, it } from 'vitest';
import type { Sample, Series } from '../../../probes/promql.ts';
import { expectedTargets, joinedSeries, pieces, watchedOver } from './watching.ts';

/** Twenty looks, one each 5 s. */
const range = { startS: 1_000, endS: 1_095, stepS: 5 };
const DUE = 20;

/** `up` of a target, as one letter a look: `1` up, `0` down, `.` no sample. */
const target = (labels: Record<string, string>, looks: string): Series => ({
  labels,
  samples: [...looks].flatMap((c, i): Sample[] =>
    c === '.' ? [] : [{ timeS: range.startS + i * range.stepS, value: Number(c) }],
  ),
});
const units = (looks: string) => target({ job: 'units', instance: 'u' }, looks);
const sound = target({ job: 'host', instance: 'h' }, '1'.repeat(DUE));

describe('how well the window was watched', () => {
  it('is whole where every target answered at each look', () => {
    expect(watchedOver([sound, units('1'.repeat(DUE))], range, [])).toEqual({
      share: 100,
      worst: 'host h',
      due: 2 * DUE,
      longestGap: [5_000, 15_000],
    });
  });

  it('is nothing where one target was down all the time, however well the others were seen', () => {
    const watched = watchedOver([sound, units('0'.repeat(DUE))], range, []);
    expect(watched).toMatchObject({ share: 0, worst: 'units u', longestGap: [105_000, 115_000] });
  });

  it('is nothing where a target that must be there has no series', () => {
    const watched = watchedOver([sound], range, [{ name: 'units', labels: { job: 'units' }, count: 1 }]);
    expect(watched).toMatchObject({ share: 0, due: 2 * DUE, longestGap: [105_000, 115_000] });
  });

  it('is nothing where one of two instances has no series', () => {
    const one = target({ job: 'services', service: 'office', instance: 'office-1' }, '1'.repeat(DUE));
    const expected = [{ name: 'office', labels: { service: 'office' }, count: 2 }];
    expect(watchedOver([one], range, expected)?.share).toBe(0);
    const other = target({ job: 'services', service: 'office', instance: 'office-2' }, '1'.repeat(DUE));
    expect(watchedOver([one, other], range, expected)?.share).toBe(100);
  });

  it('counts a look that found the target down as one that did not find it', () => {
    const down = watchedOver([sound, units('11111000011111111111')], range, []);
    const unseen = watchedOver([sound, units('11111....11111111111')], range, []);
    expect(down).toMatchObject({ share: 80, worst: 'units u', longestGap: [25_000, 35_000] });
    expect(unseen).toEqual(down);
  });

  it('is not known where there is no target at all', () => {
    expect(watchedOver([], range, [])).toBeUndefined();
  });
});

describe('a whole day', () => {
  const day = { startS: 0, endS: 86_400, stepS: 5 };

  it('is asked for in pieces that together have each step once', () => {
    const asked = pieces(day);
    expect(asked).toEqual([
      { startS: 0, endS: 49_995, stepS: 5 },
      { startS: 50_000, endS: 86_400, stepS: 5 },
    ]);
    expect(pieces(range)).toEqual([range]);
  });

  it('is one series again for each target', () => {
    const whole = pieces(day).flatMap((piece): Series[] => {
      const steps = Math.floor((piece.endS - piece.startS) / 5) + 1;
      const samples = Array.from({ length: steps }, (_, i) => ({ timeS: piece.startS + i * 5, value: 1 }));
      return [{ labels: { job: 'units', instance: 'u' }, samples }];
    });
    expect(joinedSeries(whole)).toHaveLength(1);
    expect(watchedOver(joinedSeries(whole), day, [])).toMatchObject({ share: 100, due: 17_281 });
  });
});

describe('the targets that must be there', () => {
  it('are those of each job, and each instance of a service that shows metrics', () => {
    const service = { name: 'office', instances: 2, metricsPath: '/metrics' };
    const mute = { name: 'carrier', instances: 1, metricsPath: undefined };
    expect(expectedTargets({ services: [service, mute] }, ['units'])).toEqual([
      { name: 'units', labels: { job: 'units' }, count: 1 },
      { name: 'office', labels: { service: 'office' }, count: 2 },
    ]);
  });
});
