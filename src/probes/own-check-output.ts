import { looksLikeSecret } from '../config/literal-secret.ts';
import type { MetricUnit, Observed } from '../evidence/measurement.ts';
import type { Objective } from '../evidence/objective.ts';

/** What a check is asked for: it may answer nothing else. */
export type Asked = Pick<Objective, 'metric' | 'unit' | 'minimumSamples'>;

/** One measurement of a team's own check. */
export type Reported = {
  readonly of: string;
  readonly observed: Observed & { readonly kind: 'value' };
  readonly note: string | undefined;
};

export type Read =
  | { readonly kind: 'reported'; readonly measurements: readonly Reported[] }
  /** Whatever else a check says is no observation. */
  | { readonly kind: 'refused'; readonly because: string };

/** More than this is a log, not a measurement. */
const MOST_MEASUREMENTS = 100;
const LONGEST_NOTE = 300;
const LONGEST_OF = 120;
const KEYS = new Set(['metric', 'unit', 'of', 'value', 'n', 'interval', 'resolution', 'note']);

/**
 * Reads what a check printed: its last line is a number, or one measurement or a list of them as JSON. JSON may also go
 * over several lines, where there is nothing else. Where more than one sample is asked for, the last lines that are
 * numbers are the samples: their mean, and as interval the least and the greatest of them.
 */
export function readOutput(stdout: string, asked: Asked): Read {
  const text = stdout.trim();
  const lines = text.split('\n').map((line) => line.trim());
  const last = lines.at(-1) ?? '';
  if (NUMBER.test(last)) return readNumbers(lines, asked);
  const json = parsed(last) ?? parsed(text);
  if (json === undefined) return refused('it did not end with a number or with JSON');
  return readMeasurements(json.value, asked);
}

/** As JSON writes numbers, also with leading zeros. */
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

function readNumbers(lines: readonly string[], { minimumSamples }: Asked): Read {
  const first = lines.findLastIndex((line) => !NUMBER.test(line)) + 1;
  const numbers = (minimumSamples > 1 ? lines.slice(first) : lines.slice(-1)).map(Number);
  if (!numbers.every(Number.isFinite)) return refused('it ended with a number that is too large to be one');
  const mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const interval = [Math.min(...numbers), Math.max(...numbers)] as const;
  const observed = { kind: 'value', value: mean, interval, n: numbers.length, resolution: 0 } as const;
  return { kind: 'reported', measurements: [{ of: '', observed, note: undefined }] };
}

/** Reads one measurement or a list of them. One that is not as it must be makes the whole answer void. */
export function readMeasurements(answer: unknown, asked: Asked): Read {
  const all = Array.isArray(answer) ? answer : [answer];
  if (all.length === 0) return refused('it returned an empty list: it measured nothing');
  if (all.length > MOST_MEASUREMENTS)
    return refused(`it returned ${all.length} measurements, more than ${MOST_MEASUREMENTS}`);
  const measurements: Reported[] = [];
  for (const [i, one] of all.entries()) {
    const where = Array.isArray(answer) ? `measurement ${i + 1} of ${all.length}` : 'the measurement';
    const read = readOne(one, asked);
    if (typeof read === 'string') return refused(`${where} ${read}`);
    if (measurements.some((earlier) => earlier.of === read.of))
      return refused(`${where} is of the same thing as an earlier one${read.of === '' ? '' : `: ${read.of}`}`);
    measurements.push(read);
  }
  return { kind: 'reported', measurements };
}

/** The measurement, or what is wrong with it. */
function readOne(given: unknown, asked: Asked): Reported | string {
  if (typeof given === 'number') return readOne({ value: given }, asked);
  if (!isRecord(given)) return 'is neither a number nor an object with `value`';
  const stray = Object.keys(given).find((key) => !KEYS.has(key));
  if (stray !== undefined) return `has the key ${plain(stray, 40)}, which means nothing here`;
  const { metric = asked.metric, unit = asked.unit, of = '', note } = given;
  if (metric !== asked.metric) return `is of another metric than was asked for: ${said(metric)}, not ${asked.metric}`;
  if (unit !== asked.unit) return `is in another unit than was asked for: ${said(unit)}, not ${asked.unit}`;
  if (typeof of !== 'string' || plain(of, LONGEST_OF) !== of)
    return 'says `of` what with something that is no short text';
  if (note !== undefined && typeof note !== 'string') return 'has a note that is no text';
  const observed = readValue(given);
  if (typeof observed === 'string') return observed;
  return { of: shown(of), observed, note: note === undefined ? undefined : shown(plain(note, LONGEST_NOTE)) };
}

function readValue(given: Readonly<Record<string, unknown>>): Reported['observed'] | string {
  const { value, n = 1, resolution = 0 } = given;
  if (!isNumber(value)) return `has no number as its value: ${said(value)}`;
  if (!isNumber(n) || !Number.isInteger(n) || n < 0) return `has an \`n\` that counts nothing: ${said(n)}`;
  if (!isNumber(resolution) || resolution < 0) return `has a resolution that makes no sense: ${said(resolution)}`;
  const interval = given.interval ?? [value, value];
  if (!Array.isArray(interval) || interval.length !== 2) return 'has an interval that is no pair of numbers';
  const [low, high]: readonly unknown[] = interval;
  if (!isNumber(low) || !isNumber(high)) return 'has an interval that is no pair of numbers';
  if (low > value || high < value) return `has an interval, ${low} to ${high}, that does not hold its value ${value}`;
  return { kind: 'value', value, interval: [low, high], n, resolution };
}

const refused = (because: string): Read => ({ kind: 'refused', because });

const isNumber = (thing: unknown): thing is number => typeof thing === 'number' && Number.isFinite(thing);

const isRecord = (thing: unknown): thing is Readonly<Record<string, unknown>> =>
  typeof thing === 'object' && thing !== null && !Array.isArray(thing);

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** What stood in the place of a number or a name, short enough for a sentence. */
const said = (thing: unknown): string => (thing === undefined ? 'none' : shown(plain(JSON.stringify(thing) ?? '', 40)));

/** One line without control characters. */
export const plain = (text: string, longest: number): string => text.replace(/[\p{C}\s]+/gu, ' ').slice(0, longest);

/** A team's text in our evidence. It is no place for secrets, and whoever reads the ledger cannot take one back. */
export const shown = (text: string): string => (looksLikeSecret(text) ? '(not shown: it looks like a secret)' : text);

/** A check's unit that says how long something took, or how often: it means little on a machine that is busy elsewhere. */
export const measuresTime = (unit: MetricUnit): boolean => unit === 'ms' || unit === 's' || unit === 'per-minute';
