import type { Command } from './app.ts';

/** A command line as words, or why it cannot be run without a shell. Never names the text itself: it may hold a secret. */
export type SplitCommand =
  | { readonly kind: 'command'; readonly command: Command }
  | {
      readonly kind: 'refused';
      /** `a pipe at character 11` */
      readonly found: string;
      /** What to write instead. */
      readonly instead: string;
    };

const SCRIPT = 'put it into a script and give the script';
const VARIABLE = 'give values under `environment`, or put a `$` that is meant as it stands into single quotes';
const PATTERN = 'name the files, or quote the pattern if the program expands it itself';

/** What only a shell could do, and what to write instead. */
const SHELL_ONLY: ReadonlyMap<string, readonly [found: string, instead: string]> = new Map([
  ['|', ['a pipe', SCRIPT]],
  ['>', ['a redirection', SCRIPT]],
  ['<', ['a redirection', SCRIPT]],
  ['&', ['an `&`', SCRIPT]],
  [';', ['a `;`', SCRIPT]],
  ['$', ['a shell variable', VARIABLE]],
  ['`', ['a backquote', SCRIPT]],
  ['(', ['a bracket', SCRIPT]],
  [')', ['a bracket', SCRIPT]],
  ['*', ['a file pattern', PATTERN]],
  ['?', ['a file pattern', PATTERN]],
  ['\n', ['a second line', SCRIPT]],
]);
/** Double quotes keep everything as it stands except these. */
const SPECIAL_IN_DOUBLE_QUOTES = new Set(['$', '`']);

/**
 * Splits by the quoting rules of POSIX sh 2.2 (backslash, single and double quotes), and refuses whatever a shell
 * would do beyond that, instead of handing it to the program as it stands.
 */
export function splitCommand(given: string): SplitCommand {
  const text = given.trim();
  const words: string[] = [];
  let word: string | undefined;
  let quote: { readonly mark: "'" | '"'; readonly column: number } | undefined;
  const refused = (index: number, found: string, instead: string): SplitCommand => ({
    kind: 'refused',
    found: `${found} at character ${index + 1}`,
    instead,
  });

  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote?.mark === "'") {
      if (char === "'") quote = undefined;
      else word = (word ?? '') + char;
    } else if (char === '\\') {
      const next = text.charAt(i + 1);
      if (next === '') return refused(i, 'a backslash that escapes nothing', 'take it away');
      const kept = quote !== undefined && !'"\\$`'.includes(next) ? `\\${next}` : next;
      word = (word ?? '') + kept;
      i++;
    } else if (quote !== undefined) {
      if (char === '"') quote = undefined;
      else if (SPECIAL_IN_DOUBLE_QUOTES.has(char)) return refused(i, ...shellOnly(char));
      else word = (word ?? '') + char;
    } else if (char === "'" || char === '"') {
      quote = { mark: char, column: i };
      word ??= '';
    } else if (SHELL_ONLY.has(char)) {
      return refused(i, ...shellOnly(char));
    } else if (char === '~' && word === undefined) {
      return refused(i, 'a `~`', 'give the whole path');
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== undefined) return refused(quote.column, 'a quote that is never closed', 'close it');
  if (word !== undefined) words.push(word);
  return asCommand(words);
}

const shellOnly = (char: string): readonly [string, string] => SHELL_ONLY.get(char) ?? ['shell syntax', SCRIPT];

/** Words that stand already apart: a YAML list. Nothing in them is special. */
export function asCommand(words: readonly string[]): SplitCommand {
  const [program, ...args] = words;
  if (program === undefined || program === '') return { kind: 'refused', found: 'no program', instead: 'name one' };
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(program))
    return { kind: 'refused', found: 'a variable before the program', instead: 'give it under `environment`' };
  return { kind: 'command', command: [program, ...args] };
}
