import { fail } from '../evidence/problem.ts';
import type { Unit } from './unit.ts';

/** What a runtime keeps of a unit: whether it should run, and its place in the order of starts. */
export type UnitRecord = {
  readonly unit: Unit;
  readonly wanted: 'running' | 'stopped';
  /** Units are stopped in the reverse of the order in which they were started. */
  readonly order: number;
};

export const recordText = (record: UnitRecord): string => JSON.stringify(record, undefined, 2);

/**
 * A record from its file.
 *
 * @param about `name`: of the unit; `next`: what a person does about a damaged one
 * @throws ProblemError `host` where the file holds something else
 */
export function recordFrom(
  text: string,
  about: { readonly name: string; readonly file: string; readonly next: string },
): UnitRecord {
  const record = jsonOrNothing(text);
  if (isRecord(record)) return record;
  return fail({
    kind: 'host',
    what: `the record of unit ${about.name} is damaged`,
    where: about.file,
    next: about.next,
  });
}

export function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Enough to tell our own file from a damaged one; it is written whole or not at all. */
const isRecord = (value: unknown): value is UnitRecord =>
  typeof value === 'object' && value !== null && 'unit' in value && 'wanted' in value && 'order' in value;
