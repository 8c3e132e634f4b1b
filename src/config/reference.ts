import { stringify } from 'yaml';
import { merged } from './compose/take-over.ts';
import type { Path } from './document.ts';
import { alternatives, annotatedSchema, type KeySchema, schemasAt } from './json-schema.ts';
import type { KeyText } from './schema/key.ts';

/** One key of holdpoint.yaml, as the reference page shows it. */
export type KeyEntry = {
  /** A name that a team chooses is the name used in examples; an item of a list is 0. */
  readonly path: Path;
  /** `services.<service>.health` */
  readonly title: string;
  readonly text: KeyText;
  readonly required: boolean;
  /** The constant that holds where the key is not given. */
  readonly usual: unknown;
  /** It is a mapping whose keys are known, not chosen by a team. */
  readonly hasKeys: boolean;
  /** What may be given, where that is a choice of few. */
  readonly choices: readonly string[];
};

/** Every key in the order of the schema: the one list that page, examples and tests are made from. */
export function keyEntries(root: KeySchema = annotatedSchema()): KeyEntry[] {
  return below(root, [], []);
}

/** An entry of the page; `sameAs` names the key whose keys it has as well, so that they are listed once. */
type PageEntry = KeyEntry & { readonly sameAs: string | undefined };

function pageEntries(entries: readonly KeyEntry[]): PageEntry[] {
  const seen = new Map<string, string>();
  const left = new Set<KeyEntry>();
  return entries.flatMap((e) => {
    if (left.has(e)) return [];
    const inner = entries.filter((other) => other !== e && e.path.every((part, i) => other.path[i] === part));
    const kind = JSON.stringify(inner.map((i) => [i.path.slice(e.path.length).filter(isName), i.text, i.required]));
    const sameAs = inner.length === 0 ? undefined : seen.get(kind);
    if (sameAs === undefined) seen.set(kind, e.title);
    else for (const i of inner) left.add(i);
    return [{ ...e, sameAs }];
  });
}

const isName = (part: string | number): part is string => typeof part === 'string';

function below(schema: KeySchema, path: Path, titles: readonly string[]): KeyEntry[] {
  const text = schema['holdpoint:text'];
  return alternatives(schema).flatMap((branch) => {
    if (branch.properties !== undefined) return propertiesOf(branch, path, titles);
    if (branch.items !== undefined) return below(branch.items, [...path, 0], [...titles, '[]']);
    const named = branch.additionalProperties;
    if (typeof named !== 'object' || text?.entry === undefined) return [];
    return below(named, [...path, text.entry.example], [...titles, `.<${text.entry.meaning}>`]);
  });
}

function propertiesOf(schema: KeySchema, path: Path, titles: readonly string[]): KeyEntry[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const here = [...path, name];
    const title = [...titles, titles.length === 0 ? name : `.${name}`];
    const text = property['holdpoint:text'];
    const required = schema.required?.includes(name) ?? false;
    const own = text === undefined ? [] : [entry({ path: here, title: title.join(''), text, required, property })];
    return [...own, ...below(property, here, title)];
  });
}

type Described = Pick<KeyEntry, 'path' | 'title' | 'text' | 'required'> & { readonly property: KeySchema };

function entry({ property, ...rest }: Described): KeyEntry {
  const choices = alternatives(property).flatMap((branch) => branch.enum ?? []);
  const hasKeys = alternatives(property).some((branch) => branch.properties !== undefined);
  return { ...rest, usual: property.default, hasKeys, choices: choices.map(String) };
}

/** A valid file in which a key has a value: what stands beside it is there because it must be. */
export function exampleFile(path: Path, value: unknown, root: KeySchema = annotatedSchema()): unknown {
  const others = path.map((_, i) => textAt(root, path.slice(0, i + 1))?.with?.file ?? {});
  const example = placed(root, path, value);
  return isMapping(example) ? [...others, example].reduce(merged, {}) : example;
}

const textAt = (root: KeySchema, path: Path): KeyText | undefined => {
  const [part, above] = [path.at(-1), path.slice(0, -1)];
  if (part === undefined) return undefined;
  return schemasAt(root, above).flatMap((s) => s.properties?.[part]?.['holdpoint:text'] ?? [])[0];
};

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function placed(schema: KeySchema, path: Path, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (typeof part === 'number') return [placed(alternativeWith(schema, 'items').items ?? {}, rest, value)];
  const branch = branchFor(schema, part);
  const property = branch.properties?.[part];
  if (property === undefined) return placedEntry(schema, branch, [part, rest], value);
  const required = (branch.required ?? []).map((name) => [name, exampleOf(branch.properties?.[name])]);
  const here = property['holdpoint:text']?.with?.here ?? {};
  return { ...Object.fromEntries(required), ...here, [part]: placed(property, rest, value) };
}

/** An entry under a name that a team chooses, with one of the keys that it cannot be without. */
function placedEntry(schema: KeySchema, branch: KeySchema, path: readonly [string, Path], value: unknown): unknown {
  const [name, rest] = path;
  const inner = placed(typeof branch.additionalProperties === 'object' ? branch.additionalProperties : {}, rest, value);
  const needs = schema['holdpoint:text']?.entry?.needs;
  const complete = needs === undefined || !isMapping(inner) || needs.oneOf.some((key) => inner[key] !== undefined);
  return { [name]: complete ? inner : { ...needs.example, ...inner } };
}

const exampleOf = (schema: KeySchema | undefined): unknown => schema?.['holdpoint:text']?.examples[0];

const branchFor = (schema: KeySchema, part: string): KeySchema =>
  alternatives(schema).find((branch) => branch.properties?.[part] !== undefined) ??
  alternativeWith(schema, 'additionalProperties');

const alternativeWith = (schema: KeySchema, has: 'items' | 'additionalProperties'): KeySchema =>
  alternatives(schema).find((branch) => typeof branch[has] === 'object') ?? {};

/** The text of docs/reference/holdpoint-yaml.md. */
export function referencePage(): string {
  const root = annotatedSchema();
  const entries = pageEntries(keyEntries(root));
  const sections = entries.map((e) => section(e, root));
  return `${INTRODUCTION}\n${contents(entries)}\n${sections.join('\n')}`;
}

const INTRODUCTION = `# holdpoint.yaml

<!-- Written by \`npx tsx src/config/write-reference.ts\` from the schema in src/config/schema/. Do not edit. -->

One file describes an app. Only \`name\` is required, with \`services\`, \`compose\` or \`observe\`; \`holdpoint init\` writes
a first one from what it finds:

\`\`\`yaml
name: notes
services:
  notes: python3 notes.py
\`\`\`

For completion in an editor that knows the YAML language server, begin the file with

\`\`\`yaml
# yaml-language-server: $schema=node_modules/holdpoint/schema/holdpoint.schema.json
\`\`\`

## How values are written

| value | written as |
| --- | --- |
| duration | \`200ms\`, \`30s\`, \`2m\`, \`24h\`, \`7d\`, \`2w\`, \`1h30m\` |
| size | \`512 MiB\` (1,048,576 bytes each), \`512MB\` (1,000,000 bytes each) |
| percentage | \`0.1 %\` |
| command | text, split into words by the quoting rules of a shell, but run without one: pipes, redirections, variables and patterns are refused. Or a list of words |
| commands | a command, or a list in which each item is a whole command |
| secret | a reference: \`file:PATH\`, \`dotenv:PATH#VARIABLE\`, \`env:VARIABLE\` or \`command:COMMAND\`. What looks like a secret that was written out is refused, and never printed |

Keys that begin with \`x-\` at the left margin are not read: a place for YAML anchors. Merge keys (\`<<: *anchor\`) work.

## Keys
`;

function contents(entries: readonly KeyEntry[]): string {
  const rows = entries
    .filter((e) => e.path.length === 1)
    .map((e) => `| [\`${e.title}\`](#${anchor(e.title)}) | ${firstSentence(e.text.description)} |`);
  return ['| key | |', '| --- | --- |', ...rows, ''].join('\n');
}

/** As Markdown renderers make it from a heading. */
const anchor = (title: string): string => title.toLowerCase().replace(/[^a-z0-9_-]/g, '');

const firstSentence = (text: string): string => text.split(/(?<=\.) /)[0] ?? text;

function section(e: PageEntry, root: KeySchema): string {
  const facts = [
    e.required ? 'Required.' : undefined,
    e.choices.length > 0 ? `One of ${e.choices.map((c) => `\`${c}\``).join(', ')}.` : undefined,
    e.required ? undefined : absentText(e),
    e.sameAs === undefined ? undefined : `Its keys are those of \`${e.sameAs}\`.`,
  ].filter((fact) => fact !== undefined);
  const [first, ...others] = e.text.examples;
  const also = others.map((value) => `Or \`${inline(e.path.at(-1), value)}\`.`);
  return [
    `${'#'.repeat(e.path.length === 1 ? 3 : 4)} \`${e.title}\``,
    '',
    e.text.description,
    ...(facts.length === 0 ? [] : ['', facts.join(' ')]),
    ...(first === undefined ? [] : ['', '```yaml', yaml(withoutName(exampleFile(e.path, first, root), e.path)), '```']),
    ...(also.length === 0 ? [] : ['', also.join(' ')]),
    '',
  ].join('\n');
}

function absentText({ text, usual, hasKeys }: KeyEntry): string | undefined {
  if (text.absent !== undefined) return `Not given: ${text.absent}.`;
  if (usual === undefined) return undefined;
  const isEmpty = typeof usual === 'object' && usual !== null && Object.keys(usual).length === 0;
  if (!isEmpty) return `Not given: \`${inlineValue(usual)}\`.`;
  return hasKeys ? 'Not given: what holds where none of its keys is given.' : 'Not given: none.';
}

/** An example shows what its key needs, not the whole file. */
function withoutName(example: unknown, path: Path): unknown {
  if (typeof example !== 'object' || example === null) return example;
  return Object.fromEntries(Object.entries(example).filter(([name]) => name === path[0] || name !== 'name'));
}

const yaml = (value: unknown): string => stringify(value, { lineWidth: 100 }).trimEnd();

const inlineValue = (value: unknown): string =>
  stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true }).trimEnd();

const inline = (name: string | number | undefined, value: unknown): string => `${name}: ${inlineValue(value)}`;
