import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { App } from './app.ts';
import { buildApp } from './build-app.ts';
import type { Files, NotTakenOver } from './compose/compose-file.ts';
import { withCompose } from './compose/with-compose.ts';
import {
  blanksIn,
  duplicateKeys,
  type Path,
  pathText,
  placeOf,
  type Source,
  type SyntaxFault,
  sourceOf,
  syntaxFaults,
} from './document.ts';
import { brokenExcerptAt } from './excerpt.ts';
import { type Finding, findingsOf, meantBy, problemAt, standardMessage } from './explain.ts';
import type { ConfigProblem } from './problem.ts';
import { file as fileSchema } from './schema/file.ts';
import { findingsBetween, readableParts } from './together.ts';

export const CONFIG_FILE = 'holdpoint.yaml';
/** A description of an app is some kilobytes; beyond this it is another file. */
const LARGEST_FILE = 1_048_576;

export type Reading =
  | {
      readonly kind: 'app';
      readonly app: App;
      /** Absolute path of the file that was read. */
      readonly file: string;
      /** The file as it stands. */
      readonly text: string;
      /** What of a Compose file is not taken over. */
      readonly remarks: readonly Remark[];
    }
  | { readonly kind: 'problems'; readonly problems: readonly ConfigProblem[] };

/** Something that the app's files say and Holdpoint does not do. */
export type Remark = NotTakenOver & { readonly file: string };

/** `compose.yaml:12  services.redis: …`. */
export const remarkLine = ({ file, line, what, because }: Remark): string => `${file}:${line}  ${what}: ${because}`;

/**
 * Reads the app that a folder, or a file, describes. Never throws for anything that is wrong with the file: all of it
 * comes back at once, in the order of the file.
 */
export async function readApp(pathOrFolder: string): Promise<Reading> {
  const opened = await open(pathOrFolder);
  if (opened.kind === 'problem') return { kind: 'problems', problems: [opened.problem] };
  const root = resolve(dirname(opened.file));
  return appFromText(opened.text, opened.file, root, filesIn(root));
}

type Opened =
  | { readonly kind: 'text'; readonly file: string; readonly text: string }
  | { readonly kind: 'problem'; readonly problem: ConfigProblem };

async function open(given: string): Promise<Opened> {
  let file = given;
  try {
    const isFolder = (await stat(given)).isDirectory();
    file = isFolder ? join(given, CONFIG_FILE) : given;
    const about = await stat(file);
    if (about.isDirectory()) return unreadable(file, 'a folder', 'a file');
    if (about.size > LARGEST_FILE) return unreadable(file, `${about.size} bytes`, 'a file of at most 1 MiB');
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
    return { kind: 'text', file, text };
  } catch (thrown) {
    return unopened(file, thrown);
  }
}

async function unopened(file: string, thrown: unknown): Promise<Opened> {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return unreadable(file, 'bytes that are no UTF-8', 'a text file in UTF-8');
  if (code === 'EACCES' || code === 'EPERM')
    return unreadable(file, 'a file that you may not read', 'the right to read it');
  if (code !== 'ENOENT' && code !== 'ENOTDIR')
    return unreadable(file, `a file that cannot be read (${code})`, 'a file');
  const yml = join(dirname(file), 'holdpoint.yml');
  const otherName = basename(file) === CONFIG_FILE && (await stat(yml).catch(() => undefined)) !== undefined;
  return otherName
    ? unreadable(file, '`holdpoint.yml`', `the name \`${CONFIG_FILE}\``)
    : unreadable(
        file,
        'no such file',
        `a file with \`name:\` and \`services:\`, or the path of a folder that holds ${CONFIG_FILE}`,
      );
}

function unreadable(file: string, found: string, expected: string): Opened {
  return { kind: 'problem', problem: { file, at: undefined, key: '', found, expected, excerpt: undefined } };
}

/** Texts of files that holdpoint.yaml names; whatever is no readable text of sound size is no file. */
const filesIn =
  (root: string): Files =>
  (path) => {
    try {
      const file = resolve(root, path);
      if (statSync(file).size > LARGEST_FILE) return undefined;
      return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
    } catch {
      return undefined;
    }
  };

const NO_FILES: Files = () => undefined;

/**
 * The same from a text. `file` is shown as it is given; `root` is the absolute path of its folder, and `files` reads
 * what lies there: a Compose file and what that names.
 */
export function appFromText(text: string, file: string, root: string, files: Files = NO_FILES): Reading {
  const source = sourceOf(text.replace(/^\uFEFF/, ''));
  const faults = syntaxFaults(source);
  if (faults.length > 0) return problems(faults.map((fault) => syntaxProblem(source, file, fault)));

  const duplicates = duplicateKeys(source).map((fault) => syntaxProblem(source, file, fault));
  const data = dataOf(source);
  if (data.kind === 'finding') return problems([...duplicates, problemAt(source, file, data.finding)]);

  const given = withCompose(data.value, files);
  const problemFor = (finding: Finding): ConfigProblem => {
    const place = given.isCompose(finding.path) ? given.taken?.placeFor(finding.path) : undefined;
    if (place === undefined) return problemAt(source, file, finding);
    return problemAt(place.source, join(dirname(file), given.file), { ...finding, path: place.path });
  };
  const read = fileSchema.safeParse(given.data, { error: standardMessage });
  const findings = [
    ...given.findings,
    ...(read.success ? [] : findingsOf(read.error.issues, given.data)),
    ...findingsBetween(readableParts(given.data)),
  ];
  const broken = (given.taken?.problems ?? []).map((p) => ({ ...p, file: join(dirname(file), p.file) }));
  // What a broken Compose file gives is not looked at further.
  const others = withoutBlanks(source, findings).filter(({ path }) => broken.length === 0 || !given.isCompose(path));
  const all = [...duplicates, ...broken, ...others.map(problemFor)];
  if (all.length > 0 || !read.success) return problems(all);
  const lineOf = (path: Path) =>
    given.isCompose(path) && given.taken !== undefined
      ? `${given.file}:${given.taken.lineFor(path)}`
      : `${CONFIG_FILE}:${lineAt(source, path)}`;
  const remarks = (given.taken?.notTakenOver ?? []).map((remark) => ({ ...remark, file: given.file }));
  return { kind: 'app', app: buildApp(read.data, { root, lineOf }), file: resolve(file), text, remarks };
}

function problems(all: readonly ConfigProblem[]): Reading {
  const order = (p: ConfigProblem) => (p.at === undefined ? 0 : p.at.line * 1e6 + p.at.column);
  return { kind: 'problems', problems: [...all].sort((a, b) => order(a) - order(b)) };
}

/** Blanks that `holdpoint init` left, instead of whatever the schema says of their text. */
function withoutBlanks(source: Source, findings: readonly Finding[]): Finding[] {
  const blanks = blanksIn(source);
  const isBlank = (finding: Finding) => blanks.some((path) => pathText(path) === pathText(finding.path));
  return [
    ...findings.filter((finding) => !isBlank(finding)),
    ...blanks.map((path): Finding => {
      const expected = findings.find((finding) => pathText(finding.path) === pathText(path))?.expected ?? meantBy(path);
      return { path, about: 'value', found: 'a blank that `holdpoint init` left', expected, quoted: false };
    }),
  ];
}

function syntaxProblem(source: Source, file: string, { offset, key, found, expected }: SyntaxFault): ConfigProblem {
  const at = source.positionAt(offset);
  return { file, at, key, found, expected, excerpt: brokenExcerptAt(source, at) };
}

type Data =
  | { readonly kind: 'data'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly kind: 'finding'; readonly finding: Finding };

/** The file's mapping without `x-…`, which are a place for anchors. */
function dataOf(source: Source): Data {
  const whole = (found: string, expected: string): Data => ({
    kind: 'finding',
    finding: { path: [], about: 'value', found, expected, quoted: false },
  });
  const mapping = 'a mapping that begins with `name:` and `services:`';
  let value: unknown;
  try {
    value = source.document.toJS();
  } catch {
    // Aliases of aliases of aliases: the parser stops before they fill the memory.
    return whole('more aliases than a description of an app has use for', 'fewer of them');
  }
  if (value === null || value === undefined) return whole('an empty file', mapping);
  if (Array.isArray(value)) return whole('a list', mapping);
  if (typeof value !== 'object') return whole('a single text', mapping);
  return { kind: 'data', value: Object.fromEntries(Object.entries(value).filter(([name]) => !name.startsWith('x-'))) };
}

function lineAt(source: Source, path: Path): number {
  const { key, value } = placeOf(source.document, path);
  return source.positionAt((key ?? value)?.range?.[0] ?? 0).line;
}
