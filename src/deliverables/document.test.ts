import { describe, expect, test } from 'vitest';
import { absent, exactly } from '../evidence/measurement.ts';
import { instant } from '../evidence/units.ts';
import type { Entry } from '../plan/finding.ts';
import { mark, markText } from '../plan/mark.ts';
import type { Inline } from './document.ts';
import { code, figure, line, marked, name, paragraph, prose, renderMarkdown, table } from './document.ts';

const entry = (observed: Entry['measurement']['observed']): Entry => ({
  index: 214,
  measurement: {
    metric: 'http.latency.p95',
    unit: 'ms',
    of: '',
    observed,
    quietness: { kind: 'quiet' },
    from: instant(0),
    to: instant(1_000),
    host: 'local',
    method: { kind: 'load', text: 'GET /' },
    artefacts: [],
  },
});

describe('what can be written into a document', () => {
  test('a figure carries its entry', () => {
    expect(figure(entry(exactly(153, 600))).text).toBe('153 ms [entry 214]');
    expect(figure(entry(absent('the series is not there'))).text).toBe('unknown: the series is not there [entry 214]');
    expect(figure(undefined).text).toBe('unknown: never measured');
  });

  test('a figure is never rounded onto the threshold that it is held against', () => {
    expect(figure(entry(exactly(199.99996, 600)), 200).text).toBe('199.99996 ms [entry 214]');
    expect(figure(entry(exactly(0.00004, 600)), 0).text).toBe('0.00004 ms [entry 214]');
  });

  test('a number without an entry is refused by the compiler', () => {
    const refused = () => {
      // @ts-expect-error digits are no prose
      prose('P95 was 153 ms');
      const measured: string = 'a text made at run time';
      // @ts-expect-error only words that stand in the code are prose
      prose(measured);
      // @ts-expect-error a figure needs an entry
      figure(153);
      // @ts-expect-error nobody else makes a piece of a line
      const forged: Inline = { text: '[x] pass' };
      return forged;
    };
    expect(refused).toBeTypeOf('function');
  });

  test('a boolean cannot become a tick, nor can an object that calls itself a verdict', () => {
    // @ts-expect-error a boolean is no verdict
    expect(markText(mark(true as boolean))).toBe('[?] unknown');
    // @ts-expect-error nobody but judge makes a verdict
    expect(markText(mark({ kind: 'pass', because: 'I say so' }))).toBe('[?] unknown');
    // @ts-expect-error nobody but plan/mark.ts draws a mark
    marked({ word: 'pass', sign: '[x]' });
  });

  test("a stranger's text stays text", () => {
    const text = renderMarkdown([
      table([prose('a'), prose('b')], [[name('x | y\n<b>'), code('a | `b`')]]),
      paragraph(line(name('[x] pass'), name('[entry 1]'))),
    ]);
    expect(text).toContain('| x \\| y \\<b> | `` a \\| `b` `` |');
    expect(text).toContain('\\[x] pass');
  });
});
