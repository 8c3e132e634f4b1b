import type { Output } from './output.ts';
import { width } from './text.ts';

const UP = (rows: number): string => (rows > 0 ? `\u001b[${rows}A` : '');
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/**
 * Lines at the end of a terminal that are replaced in place. Each picture goes out in one write, over the old one, so
 * that nothing flickers; what stood above stays in the terminal's history.
 */
export class LiveArea {
  readonly #out: Pick<Output, 'raw' | 'columns'>;
  #drawn: readonly string[] = [];

  constructor(out: Pick<Output, 'raw' | 'columns'>) {
    this.#out = out;
  }

  draw(lines: readonly string[]): void {
    const body = lines.map((line) => `${line}${ERASE_LINE}\n`).join('');
    this.#out.raw(`\r${UP(this.#height())}${body}${ERASE_BELOW}`);
    this.#drawn = lines;
  }

  /** Takes the lines away, for something that is to stay in their place. */
  clear(): void {
    this.#out.raw(`\r${UP(this.#height())}${ERASE_BELOW}`);
    this.#drawn = [];
  }

  /** How many rows the last picture takes now: a terminal that was made narrower has broken its longer lines. */
  #height(): number {
    const columns = Math.max(1, this.#out.columns());
    return this.#drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(width(line) / columns)), 0);
  }
}
