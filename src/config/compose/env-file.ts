import { interpolated } from './interpolation.ts';

/**
 * The variables of a `.env` file or of an `env_file`: `NAME=value` a line, `#` comments, `export`, single quotes (as it
 * stands), double quotes (with `\n` and `\"`, and interpolated), and no quotes (interpolated). A name without `=` asks
 * for the shell's value, which Holdpoint does not read: it is left out.
 */
export const envFile = (text: string, outer: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  const lookup = (name: string) => found.get(name) ?? outer.get(name);
  return linesOf(text, found, (value) => interpolated(value, lookup).text);
};

/** The same with every value as it stands: a dollar is a dollar. */
export const plainEnvFile = (text: string): ReadonlyMap<string, string> => linesOf(text, new Map(), (value) => value);

function linesOf(
  text: string,
  found: Map<string, string>,
  meant: (value: string) => string,
): ReadonlyMap<string, string> {
  const entry =
    /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*(?:'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|([^\r\n]*))/gm;
  for (const [, name = '', single, double, plain] of text.matchAll(entry)) {
    if (single !== undefined) found.set(name, single);
    else if (double !== undefined) found.set(name, meant(unescaped(double)));
    else found.set(name, meant((plain ?? '').replace(/(^|\s)#.*$/, '').trim()));
  }
  return found;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const unescaped = (text: string): string =>
  text.replace(/\\([nrt"\\])/g, (_whole, char: string) => ESCAPES[char] ?? char);
