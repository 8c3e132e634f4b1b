import { closest, distance } from 'fastest-levenshtein';
import type * as z from 'zod';
import { isShowableKey, type Path, type Place, pathText, placeOf, type Source } from './document.ts';
import { asScalar, excerptAt } from './excerpt.ts';
import { annotatedSchema, type KeySchema, schemasAt } from './json-schema.ts';
import { looksLikeSecret, namesSecret } from './literal-secret.ts';
import type { ConfigProblem } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** A finding before it has its place. */
export type Finding = {
  readonly path: Path;
  /** Whether the key or the value is what is wrong. */
  readonly about: 'key' | 'value';
  readonly found: string;
  readonly expected: string;
  /** The found text is the value itself, so that the excerpt may show it as well. */
  readonly quoted: boolean;
};

export const finding = (path: Path, found: string, expected: string, about: Finding['about'] = 'value'): Finding => ({
  path,
  about,
  found,
  expected,
  quoted: false,
});

/** A name that is near enough to have been meant; empty where none is. */
export function didYouMean(given: string, names: readonly string[]): string {
  const nearest = names.length === 0 ? '' : closest(given, names);
  return nearest !== '' && distance(given, nearest) <= nearest.length / 2 ? `; did you mean "${nearest}"?` : '';
}

/** What Zod itself says where a schema says nothing: never the value. */
export const standardMessage = (issue: z.core.$ZodRawIssue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'object' || issue.expected === 'record' ? 'a mapping' : `${issue.expected}`;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    default:
      return 'another value';
  }
};

/** Everything that Zod found, as findings. */
export function findingsOf(issues: readonly Issue[], data: unknown): Finding[] {
  const schema = annotatedSchema();
  return issues.flatMap((issue) => explained(issue, [], data, schema));
}

function explained(issue: Issue, above: Path, data: unknown, schema: KeySchema): Finding[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key], path, schema));
    case 'invalid_union':
      return (
        chosenBranch(issue)?.flatMap((inner) => explained(inner, path, data, schema)) ?? [plain(issue, path, data)]
      );
    case 'invalid_key':
      return [invalidKey(issue, path)];
    default:
      return [plain(issue, path, data)];
  }
}

/**
 * A union fails with the complaints of each form. The one that the person meant is the form whose outside fits: a
 * mapping with a wrong key inside was meant as a mapping, whatever the short form says of it.
 */
function chosenBranch(issue: Issue & { code: 'invalid_union' }): Issue[] | undefined {
  return issue.errors.find((branch) => !branch.every(isMismatch));
}

function isMismatch(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((branch) => branch.every(isMismatch));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function plain(issue: Issue, path: Path, data: unknown): Finding {
  const value = valueAt(data, path);
  const params: Readonly<Record<string, unknown>> = (issue.code === 'custom' ? issue.params : undefined) ?? {};
  const showable =
    issue.code === 'custom'
      ? params.quote === 'shown'
      : issue.code !== 'invalid_type' || ['number', 'int', 'boolean'].includes(issue.expected);
  const quoted = showable && isQuotable(value);
  const found = typeof params.found === 'string' ? params.found : description(value, quoted);
  return { path, about: 'value', found, expected: issue.message, quoted: quoted && found.includes(String(value)) };
}

/** What belongs at a path, as its key describes it. */
export function meantBy(path: Path): string {
  const last = path.at(-1);
  const above = schemasAt(annotatedSchema(), path.slice(0, -1));
  const [text] = above.flatMap((s) => (last === undefined ? [] : (s.properties?.[last]?.['holdpoint:text'] ?? [])));
  const [sentence = ''] = text?.description.split(/(?<=\.) /) ?? [];
  return sentence.replace(/\.$/, '').replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase()) || 'a value';
}

function invalidKey(issue: Issue & { code: 'invalid_key' }, path: Path): Finding {
  const name = String(path.at(-1) ?? '');
  const found = isShowableKey(name) && !looksLikeSecret(name) ? `the key "${name}"` : 'another key';
  const expected = issue.issues[0]?.message ?? 'another key';
  return { path, about: 'key', found, expected, quoted: false };
}

function unknownKey(path: Path, parent: Path, schema: KeySchema): Finding {
  const name = String(path.at(-1) ?? '');
  const showable = isShowableKey(name) && !looksLikeSecret(name);
  const found = showable ? `the unknown key "${name}"` : 'an unknown key';
  const known = schemasAt(schema, parent).flatMap((s) => Object.keys(s.properties ?? {}));
  const expected = meant(name, known) ?? elsewhere(name, parent, schema) ?? oneOf(known);
  return { path, about: 'key', found, expected, quoted: false };
}

/** The known key that was most probably meant: at most a third of its letters differ. */
function meant(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const plainName = withoutCase(name);
  const nearest = closest(plainName, known.map(withoutCase));
  const key = known.find((k) => withoutCase(k) === nearest);
  const allowed = Math.max(2, Math.floor(nearest.length / 3));
  return key !== undefined && distance(plainName, nearest) <= Math.min(allowed, nearest.length - 1)
    ? `a known key; did you mean "${key}"?`
    : undefined;
}

/** `requests_per_minute` and `Requests-Per-Minute` are `requestsPerMinute`. */
const withoutCase = (name: string): string => name.toLowerCase().replace(/[_-]/g, '');

function elsewhere(name: string, parent: Path, schema: KeySchema): string | undefined {
  if (parent.length > 0 && schema.properties?.[name] !== undefined)
    return `"${name}" at the left margin: it is a key of the file, not of \`${pathText(parent)}\``;
  const ofService = parent.length === 0 && schemasAt(schema, ['services', 'any']).some((s) => s.properties?.[name]);
  if (ofService) return `"${name}" below one of the services`;
  return namesSecret(name) ? 'a reference under `secrets` instead; no secret is written into this file' : undefined;
}

const oneOf = (known: readonly string[]): string => (known.length === 0 ? 'no key here' : `one of ${known.join(', ')}`);

/** Shown only where it is short, on one line, and has the form of a number with a unit, or of words. */
function isQuotable(value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'boolean') return true;
  if (typeof value !== 'string' || value.length > 40 || looksLikeSecret(value)) return false;
  return /^[-+]?[\d.,:/-]{1,12}\s*[A-Za-z%/ ]{0,12}$/.test(value) || /^[A-Za-z][A-Za-z ./_{}-]*$/.test(value);
}

function description(value: unknown, quoted: boolean): string {
  if (value === undefined || value === null) return 'nothing';
  if (quoted) return typeof value === 'string' ? `"${value}"` : String(value);
  if (value === '') return 'an empty text';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping';
  if (typeof value === 'boolean') return `\`${value}\``;
  return typeof value === 'number' ? 'a number' : 'another text';
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    // A short form stands for the mapping that the path goes on into.
    if (typeof value === 'string') return value;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    return Object.entries(value).find(([name]) => name === String(part))?.[1];
  }, data);
}

/** Puts a finding at its place in the file. */
export function problemAt(source: Source, file: string, finding: Finding): ConfigProblem {
  const place = placeOf(source.document, finding.path);
  const missing = place.path.length < finding.path.length;
  // The path goes on into a mapping that a short form stands for: the text is the place.
  const isShortForm = missing && asScalar(place.value) !== undefined;
  const at = source.positionAt(offsetOf(place, (missing && !isShortForm) || finding.about === 'key'));
  const shown = finding.quoted && (isShortForm || !missing) ? asScalar(place.value) : undefined;
  return {
    file,
    at,
    key: pathText(isShortForm ? place.path : finding.path),
    found: finding.found,
    expected: finding.expected,
    excerpt: excerptAt(source, at, shown),
  };
}

/** A key that is missing is shown at the key of the mapping that lacks it. */
function offsetOf(place: Place, atKey: boolean): number {
  const node = atKey ? (place.key ?? place.value) : (place.value ?? place.key);
  return node?.range?.[0] ?? place.key?.range?.[0] ?? 0;
}
