import { isScalar, type Node, visit } from 'yaml';
import { isShowableKey, type Source } from './document.ts';
import type { Excerpt, Position } from './problem.ts';

const HIDDEN = '…';
const WIDEST = 100;

/**
 * The line of a problem, without what could be a secret: every value on it is hidden except `shown`, the one that the
 * problem quotes anyway, and so are names of anchors; comments are left out.
 */
export function excerptAt(source: Source, at: Position, shown: Node | undefined): Excerpt | undefined {
  const line = lineAt(source.text, at.line);
  return line && excerptOf(line, valuesOn(source, line, shown), at);
}

/** The same where the YAML itself is broken, and nobody knows what on the line is a key. */
export function brokenExcerptAt(source: Source, at: Position): Excerpt | undefined {
  const line = lineAt(source.text, at.line);
  return line && excerptOf(line, unsure(line), at);
}

function excerptOf(line: Line, hidden: Hidden, at: Position): Excerpt | undefined {
  const excerpt = masked(line, hidden, at);
  return excerpt.text.replaceAll(HIDDEN, '').trim() === '' ? undefined : excerpt;
}

type Line = { readonly start: number; readonly text: string };
/** What of a line is left out; nothing of it is shown from `end` on. */
type Hidden = { readonly spans: readonly Span[]; readonly end: number };
type Span = { readonly start: number; readonly end: number };

function lineAt(text: string, number: number): Line | undefined {
  const lines = text.split('\n');
  const found = lines[number - 1];
  if (found === undefined) return undefined;
  const start = lines.slice(0, number - 1).reduce((sum, l) => sum + l.length + 1, 0);
  return { start, text: found.replace(/\r$/, '').replaceAll('\t', ' ') };
}

/** Only what looks like the line's first key is shown. */
function unsure(line: Line): Hidden {
  const [head, name] = /^[\s-]*([A-Za-z_][A-Za-z0-9_./-]*):(?=\s|$)\s*/.exec(line.text) ?? [];
  const indentation = /^[\s-]*/.exec(line.text)?.[0].length ?? 0;
  const from = head !== undefined && name !== undefined && isShowableKey(name) ? head.length : indentation;
  const end = line.start + line.text.length;
  return { spans: from >= line.text.length ? [] : [{ start: line.start + from, end }], end };
}

function valuesOn(source: Source, line: Line, shown: Node | undefined): Hidden {
  const end = line.start + line.text.length;
  const spans: Span[] = [];
  let last = line.start;
  visit(source.document, {
    Alias: (_role, { range }) => {
      if (range && range[0] < end) last = Math.max(last, range[1]);
    },
    Scalar: (role, node) => {
      const [from, to] = node.range ?? [0, 0];
      if (from >= end || to < line.start || from === to) return;
      last = Math.max(last, to);
      const isKey = role === 'key' && isShowableKey(String(node.value));
      if (!isKey && node !== shown) spans.push({ start: Math.max(from, line.start), end: Math.min(to, end) });
    },
  });
  for (const { index, 0: anchor } of line.text.matchAll(/[&*][^\s,[\]{}]+/g))
    spans.push({ start: line.start + index, end: line.start + index + anchor.length });
  // What follows the last key or value may be closing brackets, or a comment with anything in it.
  const rest = /^[\s[\]{},:]*/.exec(source.text.slice(last, end))?.[0].length ?? 0;
  return { spans: spans.sort((a, b) => a.start - b.start), end: Math.min(end, last + rest) };
}

function masked(line: Line, hidden: Hidden, at: Position): Excerpt {
  let text = '';
  let caret = 1;
  let offset = line.start;
  const target = line.start + at.column - 1;
  const copy = (to: number) => {
    if (offset <= target) caret = text.length + 1 + Math.max(0, Math.min(target, to) - offset);
    text += line.text.slice(offset - line.start, to - line.start);
    offset = to;
  };
  for (const span of hidden.spans) {
    if (span.end <= offset) continue;
    copy(Math.max(span.start, offset));
    if (offset <= target && target < span.end) caret = text.length + 1;
    if (!text.endsWith(HIDDEN)) text += HIDDEN;
    offset = span.end;
  }
  copy(Math.max(offset, hidden.end));
  const cut = text.length > WIDEST ? `${text.slice(0, WIDEST)}${HIDDEN}` : text.trimEnd();
  return { line: at.line, text: cut, caret: Math.min(caret, cut.length + 1) };
}

/** Is the value a single scalar whose text may be quoted, given that the place allows it? */
export const asScalar = (node: Node | undefined): Node | undefined => (isScalar(node) ? node : undefined);
