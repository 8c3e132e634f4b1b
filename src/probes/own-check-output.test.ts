import { describe, expect, it } from 'vitest';
import { type Asked, readOutput } from './own-check-output.ts';

const asked: Asked = { metric: 'queue.depth', unit: 'count', minimumSamples: 1 };
const read = (stdout: string, also: Partial<Asked> = {}) => readOutput(stdout, { ...asked, ...also });
const one = (stdout: string, also: Partial<Asked> = {}) => {
  const result = read(stdout, also);
  return result.kind === 'reported' ? result.measurements[0]?.observed : result.because;
};

describe('what a check prints', () => {
  it('is the number on its last line', () => {
    expect(one('counting\n41\n')).toEqual({ kind: 'value', value: 41, interval: [41, 41], n: 1, resolution: 0 });
    expect(one('12\n41\n')).toMatchObject({ value: 41, n: 1 });
    expect(one('-0.5e-1')).toMatchObject({ value: -0.05 });
  });

  it('is the mean of the numbers at its end where more than one is asked for, from the least to the greatest', () => {
    expect(one('3 tries\n10\n20\n30\n', { minimumSamples: 3 })).toEqual({
      kind: 'value',
      value: 20,
      interval: [10, 30],
      n: 3,
      resolution: 0,
    });
    // Too few stay too few: the judge wants three.
    expect(one('10\n', { minimumSamples: 3 })).toMatchObject({ n: 1 });
  });

  it('is JSON with how sure it is', () => {
    expect(one('looking\n{"value": 12, "n": 40, "interval": [11, 13], "resolution": 0.5}')).toEqual({
      kind: 'value',
      value: 12,
      interval: [11, 13],
      n: 40,
      resolution: 0.5,
    });
    expect(one('{\n  "value": 12\n}\n')).toMatchObject({ value: 12, n: 1 });
  });

  it('is a list of measurements, each of something else', () => {
    const result = read(
      '[{"of":"mail","value":1,"note":"all of\\nthem new"},{"metric":"queue.depth","of":"print","value":2}]',
    );
    expect(result).toMatchObject({
      kind: 'reported',
      measurements: [
        { of: 'mail', observed: { value: 1 }, note: 'all of them new' },
        { of: 'print', observed: { value: 2 }, note: undefined },
      ],
    });
  });

  it.each([
    ['', 'it did not end with a number or with JSON'],
    ['PASS', 'it did not end with a number or with JSON'],
    ['NaN', 'it did not end with a number or with JSON'],
    ['{"value": NaN}', 'it did not end with a number or with JSON'],
    ['1e999', 'it ended with a number that is too large to be one'],
    ['{"value": 1e999}', 'the measurement has no number as its value: null'],
    ['{"value": "NaN"}', 'the measurement has no number as its value: "NaN"'],
    ['{"value": null}', 'the measurement has no number as its value: null'],
    ['{"verdict": "pass"}', 'the measurement has the key verdict, which means nothing here'],
    ['true', 'the measurement is neither a number nor an object with `value`'],
    ['[]', 'it returned an empty list: it measured nothing'],
    ['[{"value":1},{"value":2}]', 'measurement 2 of 2 is of the same thing as an earlier one'],
    [
      '[{"value":1},{"metric":"errors","value":2}]',
      'measurement 2 of 2 is of another metric than was asked for: "errors", not queue.depth',
    ],
    ['{"value":1,"unit":"ms"}', 'the measurement is in another unit than was asked for: "ms", not count'],
    ['{"value":1,"n":0.5}', 'the measurement has an `n` that counts nothing: 0.5'],
    ['{"value":1,"interval":[2,3]}', 'the measurement has an interval, 2 to 3, that does not hold its value 1'],
    ['{"value":1,"interval":[1]}', 'the measurement has an interval that is no pair of numbers'],
    ['{"value":1,"of":"two\\nlines"}', 'the measurement says `of` what with something that is no short text'],
  ])('is no measurement: %s', (stdout, because) => {
    expect(read(stdout)).toEqual({ kind: 'refused', because });
  });

  it('keeps what looks like a secret out of the evidence', () => {
    const result = read('{"value":1,"note":"asked postgres://app:hunter2@db/queue"}');
    expect(result).toMatchObject({ measurements: [{ note: '(not shown: it looks like a secret)' }] });
  });
});
