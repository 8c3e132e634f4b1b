import type { LeafKey } from '../evidence/leaf.ts';
import { leafKeyText } from '../evidence/leaf.ts';
import type { Fault } from './fault.ts';

/** A place in the ledger and what the entry that was found there says of itself. */
export type Placed = { readonly place: number; readonly says: number; readonly key: LeafKey };

/**
 * Which entries were removed, moved or copied, told from the indices that the entries carry under their signatures. One
 * removed entry makes one fault, however many stand a place too early because of it.
 *
 * @param placed the entries that are sound in themselves, in the order in which they stand
 * @param unsound places of entries that are not: each may be the one that is missed at its place
 * @param size how many entries there must be
 */
export function orderFaults(placed: readonly Placed[], unsound: ReadonlySet<number>, size: number): Fault[] {
  const faults: Fault[] = [];
  const firstPlace = new Map<number, number>();
  const originals: Placed[] = [];
  for (const one of placed) {
    if (firstPlace.has(one.says)) faults.push({ kind: 'repeated', entry: one.place, says: one.says });
    else {
      firstPlace.set(one.says, one.place);
      originals.push(one);
    }
  }
  for (let index = 0; index < size; index++)
    if (!firstPlace.has(index) && !unsound.has(index)) faults.push({ kind: 'removed', entry: index });
  // What stands in another order than the indices have was moved.
  const inOrder = originals.map((one) => one.says).sort((a, b) => a - b);
  originals.forEach(({ place, says }, i) => {
    if (says !== inOrder[i]) faults.push({ kind: 'reordered', entry: place, says });
  });
  return [...faults, ...doubledKeys(originals)];
}

function doubledKeys(placed: readonly Placed[]): Fault[] {
  const first = new Map<string, number>();
  return placed.flatMap(({ place, key }): Fault[] => {
    const text = leafKeyText(key);
    const before = first.get(text);
    if (before === undefined) first.set(text, place);
    return before === undefined ? [] : [{ kind: 'key-doubled', entry: place, first: before, key }];
  });
}
