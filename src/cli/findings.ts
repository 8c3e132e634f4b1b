import type { Finding } from '../plan/finding.ts';
import type { Colours } from './output.ts';
import { harmless, wrap } from './text.ts';

/** A finding that is not met, as lines: its verdict, why, and the ledger entry that it rests on. */
export function findingLines(finding: Finding, columns: number, colours: Colours): string[] {
  const { verdict, entry } = finding;
  const word = verdict.kind === 'fail' ? 'FAIL' : verdict.kind;
  const paint = { pass: colours.green, fail: colours.red, unknown: colours.magenta }[verdict.kind];
  const of = entry?.measurement.of ? ` (${entry.measurement.of})` : '';
  const place = entry === undefined ? '' : `, entry ${entry.index}`;
  const [first = '', ...more] = wrap(harmless(`${verdict.because}${of}${place}`), columns - word.length - 2);
  const indent = ' '.repeat(word.length + 2);
  const note = entry?.measurement.note;
  return [
    `${paint(word)}  ${first}`,
    ...more.map((line) => `${indent}${line}`),
    ...(note === undefined
      ? []
      : wrap(harmless(note), columns - indent.length).map((l) => `${indent}${colours.dim(l)}`)),
  ];
}
