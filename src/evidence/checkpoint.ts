import { HASH_SIZE, type Hash } from './merkle.ts';
import type { Read, SignerKey, VerifierKey } from './note.ts';
import { parseNote, signNote, strictBase64, unreadable, verifyNote } from './note.ts';

/** What a ledger says of itself at one moment (C2SP tlog-checkpoint). */
export type Checkpoint = {
  /** Which ledger; the name of its key. */
  readonly origin: string;
  /** How many entries. */
  readonly size: number;
  readonly root: Hash;
};

export const checkpointText = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${root.toString('base64')}\n`;

/** A checkpoint as a signed note: what is published and kept elsewhere as an anchor. */
export const signCheckpoint = (checkpoint: Checkpoint, key: SignerKey): string =>
  signNote(checkpointText(checkpoint), [key]);

/** Reads the text of a checkpoint. Extension lines are allowed and passed over. */
export function parseCheckpoint(text: string): Read<Checkpoint> {
  if (!text.endsWith('\n')) return unreadable('it does not end in a newline');
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n');
  if (origin === '') return unreadable('its first line, the origin, is empty');
  if (!/^(0|[1-9][0-9]*)$/.test(size) || !Number.isSafeInteger(Number(size)))
    return unreadable('its second line is no tree size');
  const hash = strictBase64(root);
  if (hash?.length !== HASH_SIZE) return unreadable('its third line is no root hash');
  if (extensions.includes('')) return unreadable('it holds an empty line');
  return { kind: 'read', value: { origin, size: Number(size), root: hash } };
}

/** Reads a signed checkpoint that one of the keys must have signed. */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): Read<Checkpoint> {
  const parsed = parseNote(note);
  if (parsed.kind === 'unreadable') return parsed;
  const text = verifyNote(parsed.value, keys);
  return text.kind === 'unreadable' ? text : parseCheckpoint(text.value);
}
