import type { MetricUnit } from '../evidence/measurement.ts';

/**
 * A number as a person writes it (`200ms`, `512 MiB`, `0.1 %`, `10000/min`), in the base unit of what it counts.
 * `unit` is undefined for a bare number: it then means the unit of whatever it is compared with.
 */
export type Quantity = { readonly value: number; readonly unit: MetricUnit | undefined };

type UnitText = { readonly unit: MetricUnit; readonly factor: number };

const DURATIONS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, min: 6e4, h: 36e5, d: 864e5, w: 6048e5 };
/** `MB` is a million bytes and `MiB` is 1,048,576 (IEC 80000-13). */
const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

const UNITS: ReadonlyMap<string, UnitText> = new Map<string, UnitText>([
  ...Object.entries(DURATIONS).map(([text, factor]) => [text, { unit: 'ms', factor }] as const),
  ...Object.entries(SIZES).map(([text, factor]) => [text, { unit: 'bytes', factor }] as const),
  ['%', { unit: 'percent', factor: 1 }],
  ['/min', { unit: 'per-minute', factor: 1 }],
]);

const NUMBER = String.raw`\d+(?:\.\d+)?`;
const ONE = new RegExp(String.raw`^(${NUMBER})\s*([A-Za-z%/]*)$`);
const COMPOUND = new RegExp(`^(?:${NUMBER}(?:ms|s|m|min|h|d|w)){2,}$`);
const COMPOUND_PART = new RegExp(`(${NUMBER})(ms|min|s|m|h|d|w)`, 'g');

/** Reads a number with or without a unit; undefined where it is neither. Never negative. */
export function quantity(text: string): Quantity | undefined {
  const trimmed = text.trim();
  if (COMPOUND.test(trimmed)) return compoundDuration(trimmed);
  const [, number, unitText] = ONE.exec(trimmed) ?? [];
  if (number === undefined || unitText === undefined) return undefined;
  if (unitText === '') return { value: Number(number), unit: undefined };
  const known = UNITS.get(unitText);
  return known === undefined ? undefined : { value: scaled(number, known.factor), unit: known.unit };
}

/** `1h30m`, largest first or not: the parts are added. */
function compoundDuration(text: string): Quantity {
  const parts = [...text.matchAll(COMPOUND_PART)];
  return {
    value: parts.reduce((sum, [, n, u]) => sum + scaled(n ?? '', DURATIONS[u ?? ''] ?? Number.NaN), 0),
    unit: 'ms',
  };
}

/** 0.29 s is 290 ms, not 289.99…: rounded where binary fractions would show. */
function scaled(number: string, factor: number): number {
  const product = Number(number) * factor;
  return Math.abs(product - Math.round(product)) < 1e-6 * factor ? Math.round(product) : product;
}

/** A length of time in milliseconds; undefined without a unit of time. */
export function durationIn(text: string): number | undefined {
  const read = quantity(text);
  return read?.unit === 'ms' ? read.value : undefined;
}

/** Whole bytes; undefined without a unit of size. */
export function sizeIn(text: string): number | undefined {
  const read = quantity(text);
  return read?.unit === 'bytes' && Number.isInteger(read.value) ? read.value : undefined;
}

/** How many of a unit's base one of it is. Two units with the same base can be turned into each other. */
const BASE: Readonly<Record<MetricUnit, { readonly base: string; readonly factor: number }>> = {
  ms: { base: 'time', factor: 1 },
  s: { base: 'time', factor: 1e3 },
  days: { base: 'time', factor: 864e5 },
  percent: { base: 'part', factor: 1 },
  ratio: { base: 'part', factor: 100 },
  bytes: { base: 'size', factor: 1 },
  count: { base: 'count', factor: 1 },
  'per-minute': { base: 'rate', factor: 1 },
};

/** What was asked for, in the unit of a metric: `0.1 %` of a ratio is 0.001. Undefined where the units do not meet. */
export function quantityIn(asked: Quantity, unit: MetricUnit): number | undefined {
  if (asked.unit === undefined) return asked.value;
  const [from, to] = [BASE[asked.unit], BASE[unit]];
  if (from.base !== to.base) return undefined;
  return from.factor === to.factor ? asked.value : Number(((asked.value * from.factor) / to.factor).toPrecision(12));
}
