import type { MetricUnit } from '../evidence/measurement.ts';
import type { Comparator, Objective } from '../evidence/objective.ts';
import type { Instant, Milliseconds } from '../evidence/units.ts';
import { between } from '../evidence/units.ts';
import type { Entry } from '../plan/finding.ts';
import type { Mark } from '../plan/mark.ts';
import { markText } from '../plan/mark.ts';
import type { AttemptRecord } from '../plan/state.ts';
import type { Tally } from '../plan/tally.ts';
import { askedText, instantText, lengthText, numberText, quantityText, spanText } from './format.ts';

/**
 * What a document is made of. Text comes in only through the makers below, and each says what it is: fixed prose has no
 * digits, a figure carries its ledger entry, a demand says who asks, a mark comes from a Verdict. So a number that nobody
 * measured has no way in.
 */

/** Known to this file alone. */
declare const made: unique symbol;

/** A piece of a line, already in Markdown. */
export type Inline = { readonly text: string; readonly [made]: true };

export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3 | 4; readonly text: Inline }
  | { readonly kind: 'paragraph'; readonly text: Inline }
  | { readonly kind: 'list'; readonly items: readonly Inline[] }
  | { readonly kind: 'table'; readonly head: readonly Inline[]; readonly rows: readonly (readonly Inline[])[] }
  | { readonly kind: 'commands'; readonly lines: readonly string[] };

const inline = (text: string): Inline => ({ text }) as Inline;

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';
/** A literal without digits; a text that is only known at run time is none. */
type Wordy<S extends string> = string extends S ? never : S extends `${string}${Digit}${string}` ? never : S;

/** Fixed words of ours. Refuses digits and anything that is not written down in the code. */
export const prose = <const S extends string>(words: Wordy<S>): Inline => inline(words);

/** What something is called: an app, a host, a person, a step, a reason that a person gave. Kept on one line. */
export const name = (text: string): Inline => inline(escaped(text));

/** A command, a path, a digest: to be copied. */
export const code = (text: string): Inline => {
  const line = oneLine(text).replaceAll('|', '\\|');
  return line.includes('`') ? inline(`\`\` ${line} \`\``) : inline(`\`${line}\``);
};

export const marked = (mark: Mark): Inline => inline(markText(mark));

const entryReference = (index: number): string => `[entry ${index}]`;

/** Where a measurement stands in the ledger. */
export const entryOf = (entry: Entry): Inline => inline(entryReference(entry.index));

/** What was measured, with its ledger entry. What nobody measured is unknown. */
export function figure(entry: Entry | undefined, edge?: number): Inline {
  if (entry === undefined) return inline('unknown: never measured');
  const { measurement, index } = entry;
  const { observed, unit } = measurement;
  if (observed.kind === 'absent') return inline(`unknown: ${escaped(observed.reason)} ${entryReference(index)}`);
  return inline(`${quantityText(observed.value, unit, edge)} ${entryReference(index)}`);
}

/** How sure a figure is: its interval and on how much it rests. */
export function certainty(entry: Entry | undefined): Inline {
  const observed = entry?.measurement.observed;
  if (entry === undefined || observed?.kind !== 'value') return inline('–');
  const { unit } = entry.measurement;
  const [low, high] = observed.interval;
  const range = low === high ? 'exact' : `${quantityText(low, unit)} to ${quantityText(high, unit)}`;
  return inline(`${range}, n = ${numberText(observed.n)}`);
}

/**
 * A figure that was worked out from another: the share of an error budget that is spent, for example. Unknown where that
 * one is.
 */
export function workedOut(entry: Entry | undefined, from: (value: number) => string): Inline {
  if (entry?.measurement.observed.kind !== 'value') return figure(entry);
  return inline(`${from(entry.measurement.observed.value)} ${entryReference(entry.index)}`);
}

/** How long an attempt took, from its own entries. */
export const lengthOf = (attempt: AttemptRecord): Inline =>
  attempt.end === undefined
    ? inline(`not ended ${entryReference(attempt.index)}`)
    : inline(`${lengthText(between(attempt.startedAt, attempt.end.at))} ${entryReference(attempt.index)}`);

/** `attempt 3 of 3` */
export const attemptOf = (attempt: AttemptRecord, all: readonly AttemptRecord[]): Inline =>
  inline(`attempt ${attempt.number} of ${Math.max(attempt.number, all.length)}`);

/** What an objective asks. */
export const asked = (objective: Objective): Inline =>
  inline(`${escaped(objective.metric)}${objective.of ? ` of ${escaped(objective.of)}` : ''} ${askedText(objective)}`);

/** A number that is asked for or set, or follows from such numbers alone; never one that was observed. */
export const demand = (value: number, unit: MetricUnit, comparator?: Comparator): Inline =>
  inline(`${comparator === undefined ? '' : `${comparator} `}${quantityText(value, unit)}`);

/** A moment: of an entry, a decision, of rendering. */
export const moment = (at: Instant): Inline => inline(instantText(at));

/** From when to when, and how long. */
export const span = (from: Instant, to: Instant): Inline =>
  inline(`${spanText(from, to)} (${lengthText(between(from, to))})`);

export const length = (of: Milliseconds): Inline => inline(lengthText(of));

/** How many entries, checkpoints and the like there are: a count of what the ledger itself holds. */
export const ledgerSize = (entries: number): Inline => inline(`${numberText(entries)} entries`);

/** One column of the tally. */
export const counted = (tally: Tally, column: keyof Tally): Inline => inline(String(tally[column]));

/** Pieces side by side. */
export const line = (...pieces: readonly Inline[]): Inline => inline(pieces.map((p) => p.text).join(' '));
/** Pieces with nothing between them. */
export const joined = (...pieces: readonly Inline[]): Inline => inline(pieces.map((p) => p.text).join(''));
/** Pieces after one another, as a sentence lists them. */
export const listed = (pieces: readonly Inline[]): Inline => inline(pieces.map((p) => p.text).join(', '));

export const heading = (level: 1 | 2 | 3 | 4, ...text: readonly Inline[]): Block => ({
  kind: 'heading',
  level,
  text: line(...text),
});
export const paragraph = (...text: readonly Inline[]): Block => ({ kind: 'paragraph', text: line(...text) });
export const list = (items: readonly Inline[]): Block => ({ kind: 'list', items });
export const commands = (lines: readonly string[]): Block => ({ kind: 'commands', lines });
export const table = (head: readonly Inline[], rows: readonly (readonly Inline[])[]): Block => ({
  kind: 'table',
  head,
  rows,
});

export function renderMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(blockText).join('\n\n')}\n`;
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${block.text.text}`;
    case 'paragraph':
      return block.text.text;
    case 'list':
      return block.items.map((i) => `- ${i.text}`).join('\n');
    case 'table':
      return [block.head, block.head.map(() => inline('---')), ...block.rows].map(row).join('\n');
    case 'commands': {
      const fence = block.lines.some((l) => l.includes('```')) ? '~~~~' : '```';
      return [`${fence}sh`, ...block.lines, fence].join('\n');
    }
  }
}

const row = (cells: readonly Inline[]): string => `| ${cells.map((c) => c.text).join(' | ')} |`;

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trim();

/** What a stranger's text must not do in Markdown: open a tag, a cell or code, or look like a mark or entry of ours. */
function escaped(text: string): string {
  return oneLine(text).replace(/[\\`|<*[]/g, (c) => `\\${c}`);
}
