import { stripVTControlCharacters } from 'node:util';

/**
 * How many columns a text takes on a terminal. Holdpoint's own words are plain; wide characters (East Asian, emoji) can
 * only come in through names in holdpoint.yaml, and are counted as two.
 */
export function width(text: string): number {
  let columns = 0;
  for (const char of stripVTControlCharacters(text)) {
    if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(char)) continue;
    columns += WIDE.test(char) ? 2 : 1;
  }
  return columns;
}
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

export const padEnd = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - width(text)));

/** Cuts to at most `columns`, the last of which is an ellipsis where something was cut. Colour must come afterwards. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let kept = '';
  for (const char of text) {
    if (width(kept + char) > columns - 1) break;
    kept += char;
  }
  return columns < 1 ? '' : `${kept}…`;
}

/** Text from outside (an error, a program's output) without the characters that would act on the terminal. */
export const harmless = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll('\t', '  ')
    .replace(/(?!\n)\p{Cc}/gu, '');

/** Breaks at spaces into lines of at most `columns`; a word that is longer is broken where it must be. */
export function wrap(text: string, columns: number): string[] {
  const room = Math.max(8, columns);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((w) => w !== '')) {
    let rest = word;
    if (line !== '' && width(line) + 1 + width(rest) <= room) {
      line += ` ${rest}`;
      continue;
    }
    if (line !== '') lines.push(line);
    while (width(rest) > room) {
      const head = cut(rest, room + 1).slice(0, -1);
      lines.push(head);
      rest = rest.slice(head.length);
    }
    line = rest;
  }
  if (line !== '') lines.push(line);
  return lines;
}

/** Blocks of lines side by side, each `columns` wide with `gap` between them. */
export function sideBySide(blocks: readonly (readonly string[])[], columns: number, gap: number): string[] {
  const height = Math.max(0, ...blocks.map((b) => b.length));
  return Array.from({ length: height }, (_, row) =>
    blocks
      .map((block) => padEnd(block[row] ?? '', columns))
      .join(' '.repeat(gap))
      .trimEnd(),
  );
}

/** Rows of cells as aligned columns, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell));
    });
  return rows.map((row) =>
    row
      .map((cell, i) => padEnd(cell, widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
