import type { MetricUnit } from '../evidence/measurement.ts';
import type { Objective } from '../evidence/objective.ts';
import type { Instant, Milliseconds } from '../evidence/units.ts';

/** Numbers, times and sizes as a reader meets them. */

/**
 * At most three decimals; but a number that rounding would carry onto `edge` is written in full, so that nobody reads
 * 200 where 199.9996 was measured against 200.
 */
export function numberText(value: number, edge?: number): string {
  const rounded = Math.abs(value) >= 1e15 ? value : Number(value.toFixed(3));
  const carried = rounded !== value && (rounded === edge || (rounded === 0 && value !== 0));
  const [whole = '', decimals] = (carried ? String(value) : String(rounded)).split('.');
  const grouped = /^-?\d+$/.test(whole) ? whole.replace(/\B(?=(\d{3})+$)/g, ',') : whole;
  return decimals === undefined ? grouped : `${grouped}.${decimals}`;
}

/** A number with its unit; bytes from one MiB on in MiB. */
export function quantityText(value: number, unit: MetricUnit, edge?: number): string {
  const n = numberText(value, edge);
  switch (unit) {
    case 'bytes': {
      const mebibytes = (bytes: number) => bytes / 1_048_576;
      return value < 1_048_576
        ? `${n} bytes`
        : `${numberText(mebibytes(value), edge === undefined ? undefined : mebibytes(edge))} MiB`;
    }
    case 'percent':
      return `${n} %`;
    case 'per-minute':
      return `${n} a minute`;
    case 'ratio':
    case 'count':
      return n;
    case 'days':
      return `${n} days`;
    case 'ms':
      return value >= 60_000 ? longMilliseconds(value) : `${n} ms`;
    case 's':
      return `${n} s`;
  }
}

/** A demand of hours reads as hours; a measured length keeps its milliseconds beside it. */
function longMilliseconds(value: number): string {
  const said = lengthText(value as Milliseconds);
  const exact = value % 3_600_000 === 0 || (value % 60_000 === 0 && value < TWO_DAYS);
  return exact ? said : `${numberText(value)} ms (${said})`;
}

/** What an objective asks: `< 200 ms`. */
export const askedText = (o: Objective): string => `${o.comparator} ${quantityText(o.threshold, o.unit)}`;

/** `2026-03-01 12:00:00 UTC` */
export const instantText = (at: Instant): string =>
  Number.isFinite(at) && Math.abs(at) <= 8.64e15
    ? `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
    : 'at an unknown time';

/** `2026-03-01 12:00:00 to 12:02:00 UTC`; the day is said again only where it changes. */
export function spanText(from: Instant, to: Instant): string {
  const [start, end] = [instantText(from), instantText(to)];
  const sameDay = start.slice(0, 11) === end.slice(0, 11) && start.endsWith(' UTC') && end.endsWith(' UTC');
  return sameDay ? `${start.slice(0, -' UTC'.length)} to ${end.slice(11)}` : `${start} to ${end}`;
}

const TWO_DAYS = 172_800_000;

/** The two largest units that say something: `2 h 5 min`, `3.2 s`. A day is 24 h, as the plan calls it. */
export function lengthText(length: Milliseconds): string {
  if (length < 1_000) return `${numberText(length)} ms`;
  if (length < 60_000) return `${numberText(Math.round(length / 100) / 10)} s`;
  const parts: [string, number][] = [
    ...(length >= TWO_DAYS ? [['d', 86_400_000] satisfies [string, number]] : []),
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ];
  let left = Math.round(length / 1_000) * 1_000;
  const said: string[] = [];
  for (const [unit, size] of parts) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) said.push(`${count} ${unit}`);
  }
  return said.slice(0, 2).join(' ');
}
