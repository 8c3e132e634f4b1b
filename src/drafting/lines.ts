import { stringify } from 'yaml';
import type { YamlValue } from '../config/schema/key.ts';

/** A key of the drafted file, with what it came from behind it and what is to be known above it. */
export type Entry = {
  readonly key: string;
  readonly from?: string;
  readonly above?: readonly string[];
} & (
  | { readonly value: YamlValue }
  | { readonly entries: readonly Line[] }
  | { readonly items: readonly { readonly value: YamlValue; readonly from: string }[] }
);

/** A key that is not there, as a comment: what it would look like, and why it is absent. */
export type Absent = { readonly absent: string; readonly because: string };

export type Line = Entry | Absent;

/** A group of keys below a blank line and a heading. */
export type Section = { readonly heading?: readonly string[]; readonly lines: readonly Line[] };

const WIDEST = 120;
/** A remark that begins with the name of a file says where a value is from. */
const FILE = /^(?:[\w@.-]+\/)*(?:[\w@.-]*\.[a-z]+|Procfile|Dockerfile)(?=[,:]|$)/;

export const textOf = (sections: readonly Section[]): string =>
  `${sections
    .filter(({ lines, heading }) => lines.length > 0 || (heading?.length ?? 0) > 0)
    .map(({ heading = [], lines }) =>
      [...comments(heading, ''), ...lines.flatMap((line) => written(line, ''))].join('\n'),
    )
    .join('\n\n')}\n`;

function written(line: Line, indent: string): string[] {
  if ('absent' in line) return wrapped(`${indent}# ${line.absent}`, line.because, indent);
  const above = comments(line.above ?? [], indent);
  const head = `${indent}${line.key}:`;
  if ('entries' in line)
    return [
      ...above,
      ...wrapped(head, line.from, indent),
      ...line.entries.flatMap((inner) => written(inner, `${indent}  `)),
    ];
  if ('items' in line)
    return [
      ...above,
      ...wrapped(head, line.from, indent),
      ...line.items.flatMap(({ value, from }) => wrapped(`${indent}  - ${flow(value)}`, from, `${indent}  `)),
    ];
  return [...above, ...wrapped(`${head} ${flow(line.value)}`, line.from, indent)];
}

/** The remark behind the value, or above it where the line would grow too long. */
function wrapped(text: string, remark: string | undefined, indent: string): string[] {
  if (remark === undefined || remark === '') return [text];
  const said = FILE.test(remark) ? `from ${remark}` : remark;
  const beside = `${text} # ${said}`;
  return beside.length <= WIDEST ? [beside] : [...comments([said], indent), text];
}

/** As wide as the file, between words. */
function comments(paragraphs: readonly string[], indent: string): string[] {
  return paragraphs.flatMap((paragraph) => {
    const lines: string[] = [];
    let line = `${indent}#`;
    for (const word of paragraph.split(' ')) {
      if (line.length + 1 + word.length > WIDEST && line !== `${indent}#`) {
        lines.push(line);
        line = `${indent}#`;
      }
      line += ` ${word}`;
    }
    return [...lines, line];
  });
}

/** On one line, whatever it is. */
export const flow = (value: YamlValue): string =>
  stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true, singleQuote: null }).trimEnd();
