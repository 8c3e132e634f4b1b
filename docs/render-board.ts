/**
 * A terminal's text with its colours as an SVG, for README: real output, never drawn by hand.
 *
 *   script -qc 'stty cols 132; holdpoint status' /dev/null | npx tsx docs/render-board.ts > docs/board.svg
 *   tmux capture-pane -ep | npx tsx docs/render-board.ts > docs/board.svg
 */
import { readFileSync } from 'node:fs';
import { width } from '../src/cli/text.ts';

type Look = { readonly bold: boolean; readonly dim: boolean; readonly colour: string };
type Run = { readonly text: string; readonly look: Look };

const PLAIN: Look = { bold: false, dim: false, colour: '#d6d9de' };
const BACKGROUND = '#14171c';
/** SGR 31 to 36, readable on the background (contrast at least 4.5 to 1). */
const COLOURS: Readonly<Record<number, string>> = {
  31: '#ff7b72',
  32: '#56d364',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
};
const FONT = 14;
/** A monospaced character is about 0.6 of its size wide; each run is set to its exact width. */
const CELL = FONT * 0.6;
const LINE = 20;
const MARGIN = 16;

function after(look: Look, code: number): Look {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 39) return { ...look, colour: PLAIN.colour };
  return { ...look, colour: COLOURS[code] ?? look.colour };
}

const ESCAPE = String.fromCharCode(27);
const SGR = new RegExp(`${ESCAPE}\\[([\\d;]*)m`);

/** A line's runs of one look each; the look goes on into the next line. */
function runsOf(line: string, start: Look): { runs: Run[]; look: Look } {
  let look = start;
  const runs: Run[] = [];
  // With a group, split keeps the codes: text, codes, text, codes, text.
  line.split(SGR).forEach((part, i) => {
    if (i % 2 === 1) for (const code of part.split(';')) look = after(look, Number(code));
    else if (part !== '') runs.push({ text: part, look });
  });
  return { runs, look };
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** Each stretch of words at its own column: what a renderer makes of several spaces in a row then does not matter. */
function runText({ text, look }: Run, column: number, row: number): string {
  const weight = look.bold ? ' font-weight="700"' : '';
  const opacity = look.dim ? ' opacity="0.72"' : '';
  const y = MARGIN + FONT + row * LINE;
  return [...text.matchAll(/\S+(?: \S+)*/g)]
    .map(({ 0: words, index }) => {
      const x = (MARGIN + (column + width(text.slice(0, index))) * CELL).toFixed(1);
      const length = (width(words) * CELL).toFixed(1);
      return `<text x="${x}" y="${y}" textLength="${length}" fill="${look.colour}"${weight}${opacity}>${escaped(words)}</text>`;
    })
    .join('\n');
}

export function terminalAsSvg(text: string): string {
  const lines = text.replaceAll('\r', '').trimEnd().split('\n');
  const columns = Math.max(...lines.map(width));
  const size = { width: Math.ceil(MARGIN * 2 + columns * CELL), height: MARGIN * 2 + lines.length * LINE };
  let look = PLAIN;
  const body = lines.flatMap((line, row) => {
    const read = runsOf(line, look);
    look = read.look;
    let column = 0;
    return read.runs.map((run) => {
      const drawn = runText(run, column, row);
      column += width(run.text);
      return drawn;
    });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="The board of a launch on a terminal">`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${FONT}">`,
    ...body.filter((line) => line !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

process.stdout.write(terminalAsSvg(readFileSync(0, 'utf8')));
