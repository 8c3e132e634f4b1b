import type { Instant, Milliseconds } from '../evidence/units.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time with as much as a reader needs: `340 ms`, `2.1 s`, `12 s`, `4 m 05 s`, `2 h 10 m`, `3 d 4 h`. */
export function lengthText(length: number): string {
  if (length < SECOND) return `${Math.round(length)} ms`;
  if (length < 10 * SECOND) return `${(Math.floor(length / 100) / 10).toFixed(1)} s`;
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return two(length, MINUTE, 'm', SECOND, 's');
  // A window of a day is spoken of as 24 h.
  if (length < 2 * DAY) return two(length, HOUR, 'h', MINUTE, 'm');
  return two(length, DAY, 'd', HOUR, 'h');
}

function two(length: number, unit: number, name: string, smaller: number, smallName: string): string {
  const rest = Math.floor((length % unit) / smaller);
  return `${Math.floor(length / unit)} ${name}${rest === 0 ? '' : ` ${String(rest).padStart(2, '0')} ${smallName}`}`;
}

/** Running time of something that is watched, to the second: `0:07`, `4:05`, `1:02:11`. */
export function elapsedText(length: number): string {
  const total = Math.max(0, Math.floor(length / SECOND));
  const [h, m, s] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  const pad = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** How long ago, in the largest unit that is at least one: `3 days old`. */
export function ageText(from: Instant, now: Instant): string {
  const age = Math.max(0, now - from);
  const units: readonly (readonly [number, string])[] = [
    [DAY, 'day'],
    [HOUR, 'hour'],
    [MINUTE, 'minute'],
    [SECOND, 'second'],
  ];
  for (const [unit, name] of units) {
    const n = Math.floor(age / unit);
    if (n >= 1) return `${n} ${name}${n === 1 ? '' : 's'} old`;
  }
  return 'new';
}

/** Hours of the written plan: `1-2 h`, `2-2.5 h`. */
export const hoursText = (low: Milliseconds, high: Milliseconds): string => `${low / HOUR}-${high / HOUR} h`;

/** Local time of day: `13:05:09`. */
export function clockText(at: Instant): string {
  const d = new Date(at);
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

/** `2026-11-24 13:05`, local time. */
export function dateText(at: Instant): string {
  const d = new Date(at);
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}`;
}
