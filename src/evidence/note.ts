import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/**
 * Signed notes with Ed25519 keys, as C2SP signed-note specifies them: a text, a blank line, and a line for each
 * signature. Keys are written as `golang.org/x/mod/sumdb/note` writes them.
 */

/** A key that can verify. `name` and `id` together say which key it is. */
export type VerifierKey = {
  readonly name: string;
  /** First four bytes of SHA-256(name, newline, type, public key), as 8 hexadecimal digits. */
  readonly id: string;
  /** 32 bytes (RFC 8032). */
  readonly raw: Buffer;
  readonly key: KeyObject;
};

/** A key that can sign. Its text is a secret. */
export type SignerKey = { readonly verifier: VerifierKey; readonly key: KeyObject; readonly seed: Buffer };

/** A value that was read, or why it could not be. */
export type Read<Value> = { readonly kind: 'read'; readonly value: Value } | Unreadable;
export type Unreadable = { readonly kind: 'unreadable'; readonly because: string };
export const unreadable = (because: string): Unreadable => ({ kind: 'unreadable', because });

/** Type byte of Ed25519 signatures in the specification. */
const ED25519 = 1;
const KEY_SIZE = 32;
const SIGNATURE_SIZE = 64;
/** The head of a PKCS#8 and of a SubjectPublicKeyInfo structure around an Ed25519 key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export const isKeyName = (name: string): boolean => name !== '' && !/[\s+\p{Cc}]/u.test(name);

function keyId(name: string, raw: Buffer): string {
  const hash = createHash('sha256').update(`${name}\n`).update(Buffer.of(ED25519)).update(raw).digest('hex');
  return hash.slice(0, 8);
}

/** @param raw the 32 bytes of an Ed25519 public key */
export function verifierKey(name: string, raw: Buffer): VerifierKey {
  const key = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
  return { name, id: keyId(name, raw), raw, key };
}

/** @param seed the 32 bytes that RFC 8032 calls the private key */
export function signerKey(name: string, seed: Buffer): SignerKey {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  return { verifier: verifierKey(name, raw), key, seed };
}

/** A public key as one line, the `vkey`: `name+id+base64(type, key)`. */
export const encodeVerifierKey = ({ name, id, raw }: VerifierKey): string =>
  `${name}+${id}+${Buffer.concat([Buffer.of(ED25519), raw]).toString('base64')}`;

/** A private key as one line: `PRIVATE+KEY+name+id+base64(type, seed)`. */
export const encodeSignerKey = ({ verifier, seed }: SignerKey): string =>
  `PRIVATE+KEY+${verifier.name}+${verifier.id}+${Buffer.concat([Buffer.of(ED25519), seed]).toString('base64')}`;

export function parseVerifierKey(text: string): Read<VerifierKey> {
  const parts = keyParts(text);
  if (parts.kind === 'unreadable') return parts;
  const { name, id, raw } = parts.value;
  const key = verifierKey(name, raw);
  return key.id === id ? { kind: 'read', value: key } : unreadable(`the key id ${id} does not belong to this key`);
}

export function parseSignerKey(text: string): Read<SignerKey> {
  const prefix = 'PRIVATE+KEY+';
  if (!text.startsWith(prefix)) return unreadable('it does not begin as a private key does');
  const parts = keyParts(text.slice(prefix.length));
  if (parts.kind === 'unreadable') return parts;
  const { name, id, raw } = parts.value;
  const key = signerKey(name, raw);
  return key.verifier.id === id
    ? { kind: 'read', value: key }
    : unreadable(`the key id ${id} does not belong to this key`);
}

function keyParts(text: string): Read<{ name: string; id: string; raw: Buffer }> {
  const found = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text);
  const [, name = '', id = '', encoded = ''] = found ?? [];
  if (!found || !isKeyName(name)) return unreadable('it is not of the form name+id+base64');
  const data = strictBase64(encoded);
  if (data === undefined) return unreadable('its last part is no base64');
  if (data[0] !== ED25519) return unreadable(`keys of type ${data[0] ?? 'none'} are not supported, only Ed25519`);
  if (data.length !== 1 + KEY_SIZE) return unreadable(`the key is ${data.length - 1} bytes long, not ${KEY_SIZE}`);
  return { kind: 'read', value: { name, id, raw: data.subarray(1) } };
}

export type NoteSignature = { readonly name: string; readonly id: string; readonly signature: Buffer };
export type Note = {
  /** Ends in a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
};

/** The specification asks for at least 16. */
const MOST_SIGNATURES = 100;

/** Signs `text` with each of the keys. @throws RangeError where the text can be no note's: it must end in a newline */
export function signNote(text: string, keys: readonly SignerKey[]): string {
  if (!text.endsWith('\n') || hasControls(text)) throw new RangeError('the text of a note ends in a newline');
  const lines = keys.map(({ verifier, key }) => signatureLine(verifier, sign(null, Buffer.from(text), key)));
  return `${text}\n${lines.join('')}`;
}

/** Adds the signatures of further keys (a witness, a new key) to a signed note. */
export function addSignatures(note: Note, keys: readonly SignerKey[]): string {
  const kept = note.signatures.map((s) => signatureLine(s, s.signature));
  const added = keys.map(({ verifier, key }) => signatureLine(verifier, sign(null, Buffer.from(note.text), key)));
  return `${note.text}\n${[...kept, ...added].join('')}`;
}

const signatureLine = ({ name, id }: { name: string; id: string }, signature: Buffer): string =>
  `— ${name} ${Buffer.concat([Buffer.from(id, 'hex'), signature]).toString('base64')}\n`;

const hasControls = (text: string): boolean => [...text].some((c) => c < ' ' && c !== '\n');

/** Takes a note apart. Nothing in it is to be believed before {@link verifyNote}. */
export function parseNote(note: string): Read<Note> {
  if (hasControls(note)) return unreadable('it holds control characters');
  const end = note.lastIndexOf('\n\n');
  if (end === -1) return unreadable('no blank line parts the text from the signatures');
  if (!note.endsWith('\n')) return unreadable('it does not end in a newline');
  const lines = note.slice(end + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) return unreadable(`it has more than ${MOST_SIGNATURES} signatures`);
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const [, name = '', encoded = ''] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
    const data = strictBase64(encoded);
    if (!isKeyName(name) || data === undefined || data.length <= 4)
      return unreadable('a line below the text is no signature');
    signatures.push({ name, id: data.subarray(0, 4).toString('hex'), signature: data.subarray(4) });
  }
  return { kind: 'read', value: { text: note.slice(0, end + 1), signatures } };
}

/**
 * The text of a note, if at least one of the keys signed it and none of them has a signature that does not verify.
 * Signatures by other keys are passed over.
 */
export function verifyNote(note: Note, keys: readonly VerifierKey[]): Read<string> {
  let verified = 0;
  for (const { name, id, signature } of note.signatures) {
    const known = keys.find((k) => k.name === name && k.id === id);
    if (known === undefined) continue;
    if (!verifyEd25519(known, Buffer.from(note.text), signature))
      return unreadable(`the signature of ${name} does not verify`);
    verified++;
  }
  if (verified > 0) return { kind: 'read', value: note.text };
  const signers = note.signatures.map((s) => `${s.name} (${s.id})`).join(', ');
  return unreadable(`it is signed by ${signers}, and by none of the given keys`);
}

export const verifyEd25519 = (by: VerifierKey, data: Uint8Array, signature: Uint8Array): boolean =>
  signature.length === SIGNATURE_SIZE && verify(null, data, by.key, signature);

/** The same off the main thread, for thousands of signatures. */
export const verifyInBackground = (by: VerifierKey, data: Uint8Array, signature: Uint8Array): Promise<boolean> =>
  new Promise((resolve, reject) => {
    if (signature.length !== SIGNATURE_SIZE) resolve(false);
    else verify(null, data, by.key, signature, (error, holds) => (error ? reject(error) : resolve(holds)));
  });

/** Standard base64 that would be written the same again; Buffer.from alone takes nearly everything. */
export function strictBase64(text: string): Buffer | undefined {
  const data = Buffer.from(text, 'base64');
  return data.toString('base64') === text ? data : undefined;
}
