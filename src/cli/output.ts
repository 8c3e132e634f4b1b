import picocolors from 'picocolors';

export type Colours = ReturnType<typeof picocolors.createColors>;

/** Where a command prints. The real one is the process's own; tests hand in one that keeps what was printed. */
export type Output = {
  /** True where standard output is a terminal: the board may then be redrawn in place. */
  readonly terminal: boolean;
  /** Asked anew each time, because a terminal can be resized. */
  columns(): number;
  rows(): number;
  readonly colours: Colours;
  /** One event a line instead of text for people. */
  readonly json: boolean;
  /** What was asked for: standard output. */
  line(text: string): void;
  /** Standard output as it stands: control sequences and whole documents. */
  raw(text: string): void;
  /** What is said beside it ("the resident process was started"): standard error. */
  remark(text: string): void;
};

/** Width for text that goes into a file or a pipe. */
const UNKNOWN_WIDTH = 100;

type Wishes = {
  readonly json: boolean;
  readonly noColour: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** The process's own output. NO_COLOR (no-color.org) and `--no-color` win; otherwise only a terminal has colour. */
export function processOutput(wishes: Wishes): Output {
  const { stdout, stderr } = process;
  const terminal = stdout.isTTY === true && wishes.environment.TERM !== 'dumb';
  const coloured = terminal && !wishes.noColour && !wishes.environment.NO_COLOR && !wishes.json;
  return {
    terminal,
    columns: () => stdout.columns || UNKNOWN_WIDTH,
    rows: () => stdout.rows || Number.POSITIVE_INFINITY,
    colours: picocolors.createColors(coloured),
    json: wishes.json,
    line: (text) => void stdout.write(`${text}\n`),
    raw: (text) => void stdout.write(text),
    remark: (text) => void stderr.write(`${text}\n`),
  };
}

/** Whether the locale can show more than ASCII (POSIX: LC_ALL before LC_CTYPE before LANG). */
export function showsUnicode(environment: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return /utf-?8/i.test(environment.LC_ALL || environment.LC_CTYPE || environment.LANG || '');
}
