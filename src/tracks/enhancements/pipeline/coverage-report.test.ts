import { describe, expect, it } from 'vitest';
import { lineCoverage } from './coverage-report.ts';

describe('line coverage', () => {
  it.each([
    ['istanbul-summary', '{"total":{"lines":{"total":200,"covered":171,"skipped":0,"pct":85.5}}}'],
    ['lcov', 'SF:a.js\nLF:150\nLH:121\nend_of_record\nSF:b.js\nLF:50\nLH:50\nend_of_record\n'],
    ['cobertura', '<?xml version="1.0"?>\n<coverage lines-valid="200" lines-covered="171" line-rate="0.99">'],
  ] as const)('is counted from the lines of a report in %s, not read off its own percentage', (format, text) => {
    expect(lineCoverage(text, format)).toMatchObject({ kind: 'value', value: 85.5, n: 200 });
  });

  it.each([
    ['istanbul-summary', '{"total":{}}'],
    ['istanbul-summary', '{"total":{"lines":{"total":10,"covered":11}}}'],
    ['istanbul-summary', 'not json'],
    ['lcov', ''],
    ['cobertura', '<coverage line-rate="1">'],
  ] as const)('is absent for a report in %s that says nothing: %s', (format, text) => {
    expect(lineCoverage(text, format).kind).toBe('absent');
  });
});
