import type { LeafKey } from '../evidence/leaf.ts';
import { leafKeyText } from '../evidence/leaf.ts';
import type { Digest } from '../evidence/units.ts';

/** What is wrong with a ledger. `entry` is the place in the ledger, from 0; `file` a path within its directory. */
export type Fault =
  | { readonly kind: 'key-unreadable'; readonly because: string }
  /** `entries`: the first and the last that the file must hold, where it is a bundle of entries. */
  | { readonly kind: 'file-missing'; readonly file: string; readonly entries?: readonly [number, number] }
  | { readonly kind: 'file-damaged'; readonly file: string; readonly because: string }
  /** The checkpoint cannot be read, or the given key did not sign it. */
  | { readonly kind: 'checkpoint-refused'; readonly file: string; readonly because: string }
  /** Neither entries nor tiles lead to the root that was signed. */
  | { readonly kind: 'root-differs'; readonly file: string }
  /** A tile does not hold the hashes that the tree has there. */
  | { readonly kind: 'tile-differs'; readonly file: string }
  /** The entry's bytes are not what was signed. */
  | { readonly kind: 'edited'; readonly entry: number; readonly because: string }
  /** Signed, but not with the ledger's key. */
  | { readonly kind: 'foreign'; readonly entry: number; readonly by: string }
  /** Signed by the ledger, but it is not the entry that the tree holds at this place. */
  | { readonly kind: 'not-in-tree'; readonly entry: number }
  | { readonly kind: 'removed'; readonly entry: number }
  /** Another entry's place: it says of itself that it is entry `says`. */
  | { readonly kind: 'reordered'; readonly entry: number; readonly says: number }
  | { readonly kind: 'repeated'; readonly entry: number; readonly says: number }
  | { readonly kind: 'key-doubled'; readonly entry: number; readonly first: number; readonly key: LeafKey }
  /** Signed by the ledger, and yet not a leaf as this Holdpoint knows them. */
  | { readonly kind: 'misshapen'; readonly entry: number; readonly because: string }
  | { readonly kind: 'anchor-refused'; readonly because: string }
  /** The earlier checkpoint covers more entries than there are. */
  | { readonly kind: 'truncated'; readonly entry: number; readonly anchored: number }
  /** The earlier checkpoint is of another history. */
  | { readonly kind: 'fork'; readonly anchored: number }
  | { readonly kind: 'artefact-damaged'; readonly entry: number; readonly artefact: Digest; readonly because: string }
  | { readonly kind: 'not-finished'; readonly because: string };

/** A fault as one line for people. */
export function faultText(fault: Fault): string {
  switch (fault.kind) {
    case 'key-unreadable':
      return `the public key cannot be read: ${fault.because}`;
    case 'file-missing':
      return `${fault.file} is missing${fault.entries ? `, with the entries ${fault.entries.join(' to ')}` : ''}`;
    case 'file-damaged':
      return `${fault.file} is damaged: ${fault.because}`;
    case 'checkpoint-refused':
      return `${fault.file} is not a checkpoint by this key: ${fault.because}`;
    case 'root-differs':
      return `neither the entries nor the tiles lead to the root that ${fault.file} signs`;
    case 'tile-differs':
      return `${fault.file} does not hold the hashes of this tree`;
    case 'edited':
      return `entry ${fault.entry} was edited: ${fault.because}`;
    case 'foreign':
      return `entry ${fault.entry} is foreign: signed by ${fault.by}`;
    case 'not-in-tree':
      return `entry ${fault.entry} was replaced: it is signed, but it is not the one that the tree holds`;
    case 'removed':
      return `entry ${fault.entry} was removed`;
    case 'reordered':
      return `entry ${fault.entry} was moved: in its place stands entry ${fault.says}`;
    case 'repeated':
      return `entry ${fault.entry} is a copy of entry ${fault.says}`;
    case 'key-doubled':
      return `entry ${fault.entry} has the key of entry ${fault.first}: ${leafKeyText(fault.key)}`;
    case 'misshapen':
      return `entry ${fault.entry} is no leaf: ${fault.because}`;
    case 'anchor-refused':
      return `the earlier checkpoint is not one by this key: ${fault.because}`;
    case 'truncated':
      return `the ledger was cut off before entry ${fault.entry}: the earlier checkpoint covers ${fault.anchored} entries`;
    case 'fork':
      return `the ledger is a fork: its first ${fault.anchored} entries are not those of the earlier checkpoint`;
    case 'artefact-damaged':
      return `entry ${fault.entry}: its artefact ${fault.artefact} is damaged: ${fault.because}`;
    case 'not-finished':
      return `the verification could not be finished: ${fault.because}`;
  }
}
