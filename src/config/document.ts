import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { Position } from './problem.ts';

export type Path = readonly (string | number)[];

/** A YAML text with its nodes, so that each path can be led back to its place. */
export type Source = {
  readonly text: string;
  readonly document: Document;
  positionAt(offset: number): Position;
};

/** A fault of the YAML itself. */
export type SyntaxFault = {
  readonly offset: number;
  readonly key: string;
  readonly found: string;
  readonly expected: string;
};

export function sourceOf(text: string): Source {
  const lines = new LineCounter();
  // Merge keys (`<<: *base`) are YAML 1.1, and everybody who knows Compose expects them.
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'error' });
  return {
    text,
    document,
    positionAt: (offset) => {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(1, line), column: Math.max(1, col) };
    },
  };
}

/** What YAML's own codes mean to a person. The parser's messages are not used: some quote the text. */
const FAULTS: Readonly<Record<string, readonly [found: string, expected: string]>> = {
  TAB_AS_INDENT: ['a tab', 'spaces for indentation'],
  BAD_INDENT: [
    'a line that is indented neither like its neighbours nor below one of them',
    'the same indentation for all keys of a mapping',
  ],
  MISSING_CHAR: [
    'something that is not complete',
    'a key, a colon and a space (`key: value`), or a comma between items in brackets',
  ],
  MULTIPLE_DOCS: ['a second document after `---`', 'one document'],
  BLOCK_AS_IMPLICIT_KEY: ['a second `: ` on one line', 'one key a line; a text with `: ` in it stands in quotes'],
  MULTILINE_IMPLICIT_KEY: ['text that is no key', 'a key, a colon and a space: `key: value`'],
  BAD_SCALAR_START: ['a text that begins with a reserved character', 'quotes around it'],
  BAD_DQ_ESCAPE: ['an escape that does not exist in double quotes', 'a doubled backslash, or single quotes'],
  BAD_ALIAS: ['an alias without a name', 'a name after `*`, or quotes around the text'],
  BAD_DIRECTIVE: ['a directive that is not known', 'no line that begins with `%`'],
  UNEXPECTED_TOKEN: ['something that cannot stand here', 'a key, a colon and a space: `key: value`'],
};

export function syntaxFaults(source: Source): SyntaxFault[] {
  const { document } = source;
  const own = document.errors.flatMap((error) => (error.code === 'DUPLICATE_KEY' ? [] : [faultOf(error, document)]));
  return own.length > 0 ? own : [...unresolvedAliases(document), ...unknownTags(document)];
}

function faultOf(error: YAMLError, document: Document): SyntaxFault {
  const [found, expected] = FAULTS[error.code] ?? ['what is no YAML', 'YAML'];
  const opened =
    error.code === 'MISSING_CHAR' || error.code === 'BAD_INDENT' ? openedBefore(error, document) : undefined;
  return opened ?? { offset: error.pos[0], key: '', found, expected };
}

/** The parser notices a quote or bracket that is never closed only further down: it is shown where it was opened. */
function openedBefore(error: YAMLError, document: Document): SyntaxFault | undefined {
  const expected = 'the same one again at its end';
  const at = error.pos[0];
  let opened: SyntaxFault | undefined;
  visit(document, {
    Scalar: (_key, { type, range }) => {
      const isOpen = error.message.includes('quote') && (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE');
      if (isOpen && range && range[0] < at && at <= range[1])
        opened = { offset: range[0], key: '', found: 'a quote that is never closed', expected };
    },
    Collection: (_key, { flow, range }) => {
      if (!flow || !range || !error.message.includes('end with a')) return;
      if (range[0] < at)
        opened = { offset: range[0], key: '', found: 'a bracket that is never closed', expected: 'its closing one' };
    },
  });
  return opened;
}

function unresolvedAliases(document: Document): SyntaxFault[] {
  const faults: SyntaxFault[] = [];
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const expected = 'an anchor of that name further up, or quotes around the text';
      faults.push({ offset: alias.range?.[0] ?? 0, key: '', found: 'an alias without its anchor', expected });
    },
  });
  return faults;
}

/** `!env X` and the like mean something elsewhere; here they would silently be plain text. */
const unknownTags = (document: Document): SyntaxFault[] =>
  document.warnings
    .filter((warning) => warning.code === 'TAG_RESOLVE_FAILED')
    .map((warning) => ({ offset: warning.pos[0], key: '', found: 'a tag', expected: 'a value without a tag (`!…`)' }));

/** A key that stands twice in one mapping, with the place of the first. */
export function duplicateKeys(source: Source): SyntaxFault[] {
  const faults: SyntaxFault[] = [];
  visit(source.document, {
    Map: (_key, map, ancestors) => {
      const first = new Map<unknown, number>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const offset = key.range?.[0] ?? 0;
        const earlier = first.get(key.value);
        if (earlier === undefined) {
          first.set(key.value, offset);
          continue;
        }
        const path = [...pathOf(ancestors), String(key.value)];
        const found = `it a second time; the first is on line ${source.positionAt(earlier).line}`;
        faults.push({ offset, key: pathText(path), found, expected: 'each key once' });
      }
    },
  });
  return faults;
}

/** The keys on the way to a node, from the ancestors that `visit` gives. */
function pathOf(ancestors: readonly unknown[]): Path {
  return ancestors.flatMap((node, i): (string | number)[] => {
    if (isPair(node) && isScalar(node.key)) return [String(node.key.value)];
    const next = ancestors[i + 1];
    return isSeq(node) && next !== undefined ? [node.items.indexOf(next)] : [];
  });
}

/** What `holdpoint init` writes where it could not find out what belongs there. */
export const BLANK = 'FILL-IN';

/** Paths of the values that are blanks. */
export function blanksIn({ document }: Source): Path[] {
  const blanks: Path[] = [];
  visit(document, {
    Scalar: (role, node, ancestors) => {
      if (role === 'key' || typeof node.value !== 'string' || !node.value.includes(BLANK)) return;
      const above = pathOf([...ancestors, node]);
      blanks.push(above);
    },
  });
  return blanks;
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;
/** What may be shown as a key; a longer or stranger one could be a secret in the wrong place. */
export const isShowableKey = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_./-]{0,39}$/.test(text);

/** `services.dashboard.health`, `smoke[0]`, `objectives["A.1/latency"]`. */
export function pathText(path: Path): string {
  const parts = path.map((part, i) => {
    if (typeof part === 'number') return `[${part}]`;
    if (PLAIN_KEY.test(part) && isShowableKey(part)) return i === 0 ? part : `.${part}`;
    return isShowableKey(part) ? `["${part}"]` : i === 0 ? '…' : '.…';
  });
  return parts.join('');
}

/** Where a path leads: its deepest part that is in the file, with the key's and the value's node. */
export type Place = { readonly path: Path; readonly key: Node | undefined; readonly value: Node | undefined };

export function placeOf(document: Document, path: Path): Place {
  let place: Place = { path: [], key: undefined, value: resolved(document.contents, document) };
  for (const [i, part] of path.entries()) {
    const next = child(place.value, part, document);
    if (next === undefined) return place;
    place = { path: path.slice(0, i + 1), ...next };
  }
  return place;
}

type Child = { readonly key: Node | undefined; readonly value: Node | undefined };

function child(node: Node | undefined, part: string | number, document: Document): Child | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(part)];
    const value = resolved(item, document);
    return value === undefined ? undefined : { key: value, value };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === String(part));
  if (pair !== undefined) return { key: asNode(pair.key), value: resolved(pair.value, document) };
  // Not in the mapping itself, so it came in by a merge key.
  const merges = node.items.filter((p) => isScalar(p.key) && (p.key.value === '<<' || typeof p.key.value === 'symbol'));
  for (const merge of merges) {
    const found = mergedChild(merge, part, document);
    if (found !== undefined) return found;
  }
  return undefined;
}

function mergedChild(merge: Pair, part: string | number, document: Document): Child | undefined {
  const from = resolved(merge.value, document);
  const sources = isSeq(from) ? from.items.map((item) => resolved(item, document)) : [from];
  for (const one of sources) {
    const found = child(one, part, document);
    if (found !== undefined) return found;
  }
  return undefined;
}

function resolved(node: unknown, document: Document): Node | undefined {
  return isAlias(node) ? node.resolve(document) : asNode(node);
}

const asNode = (node: unknown): Node | undefined =>
  isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node : undefined;
