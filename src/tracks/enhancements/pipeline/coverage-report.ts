import { absent, exactly, type Observed } from '../../../evidence/measurement.ts';

/** Share of lines that the tests ran, in percent, read from a report; `n` is the number of lines that could be run. */
export function lineCoverage(text: string, format: 'istanbul-summary' | 'lcov' | 'cobertura'): Observed {
  switch (format) {
    case 'istanbul-summary':
      return fromIstanbul(text);
    case 'lcov':
      return share(sumOf(text, /^LH:(\d+)$/gm), sumOf(text, /^LF:(\d+)$/gm));
    case 'cobertura': {
      const root = /<coverage\b[^>]*>/.exec(text)?.[0] ?? '';
      const attribute = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1]);
      return share(attribute('lines-covered'), attribute('lines-valid'));
    }
  }
}

function fromIstanbul(text: string): Observed {
  try {
    const { lines } = (JSON.parse(text) as { total: { lines: { covered: number; total: number } } }).total;
    return share(lines.covered, lines.total);
  } catch {
    return absent('the coverage report is no istanbul summary');
  }
}

function sumOf(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, [, n]) => sum + Number(n), 0);
}

function share(covered: number, total: number): Observed {
  if (!Number.isFinite(covered) || !Number.isFinite(total) || covered > total)
    return absent('the coverage report makes no sense');
  if (total === 0) return absent('the coverage report covers no lines');
  return exactly((100 * covered) / total, total);
}
