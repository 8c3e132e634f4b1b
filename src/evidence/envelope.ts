import { sign } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { LARGEST_LEAF } from './leaf.ts';
import { type Read, type SignerKey, strictBase64, unreadable, type VerifierKey, verifyInBackground } from './note.ts';
import { fail } from './problem.ts';

/** A DSSE envelope (Dead Simple Signing Envelope, version 1) as it is written in JSON. */
export type Envelope = {
  readonly payloadType: string;
  /** base64 */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
};

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** What a DSSE signature is made over: both parts with their lengths in bytes, so that neither can run into the other. */
export const preAuthenticationEncoding = (payloadType: string, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `), payload]);

/** A key as an envelope names it: name and id of its verifier key. A hint; the signature decides. */
export const envelopeKeyId = ({ name, id }: VerifierKey): string => `${name}+${id}`;

/**
 * The bytes of a ledger entry: a statement in a DSSE envelope, as canonical JSON.
 *
 * @throws ProblemError when they come to more than {@link LARGEST_LEAF} bytes
 */
export function sealStatement(statement: string, key: SignerKey, where: string): Buffer {
  const payload = Buffer.from(statement, 'utf8');
  const sig = sign(null, preAuthenticationEncoding(PAYLOAD_TYPE, payload), key.key).toString('base64');
  const envelope: Envelope = {
    payloadType: PAYLOAD_TYPE,
    payload: payload.toString('base64'),
    signatures: [{ keyid: envelopeKeyId(key.verifier), sig }],
  };
  const entry = Buffer.from(canonicalJson(envelope));
  if (entry.length <= LARGEST_LEAF) return entry;
  return fail({
    kind: 'internal',
    what: `a ledger entry would be ${entry.length} bytes long; at most ${LARGEST_LEAF} are possible`,
    where,
    next: 'store what is large as an artefact and let the measurement name its digest',
  });
}

/** Reads the bytes of an entry. Nothing in it is to be believed before {@link openEnvelope}. */
export function parseEnvelope(entry: Uint8Array): Read<Envelope> {
  const text = Buffer.from(entry).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unreadable('it is no JSON');
  }
  if (!isEnvelope(value)) return unreadable('it is no DSSE envelope');
  const { payloadType, payload, signatures } = value;
  const known: Envelope = { payloadType, payload, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })) };
  // What is written otherwise (a further member, a space) could carry what nobody signed.
  if (canonicalJson(known) !== text) return unreadable('it is not written as entries are');
  return { kind: 'read', value: known };
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false;
  if (!('payload' in value && 'payloadType' in value && 'signatures' in value)) return false;
  const { payload, payloadType, signatures } = value;
  return typeof payload === 'string' && typeof payloadType === 'string' && Array.isArray(signatures)
    ? signatures.length > 0 && signatures.every(isSignature)
    : false;
}

const isSignature = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'keyid' in value &&
  'sig' in value &&
  typeof value.keyid === 'string' &&
  typeof value.sig === 'string';

/** What of an envelope's content can be said: the statement's text, or that it is not the key's. */
export type Opened =
  | { readonly kind: 'opened'; readonly statement: string }
  /** Signed, but not in the name of this key. */
  | { readonly kind: 'foreign'; readonly by: string }
  /** In the name of this key, with a signature that does not fit: it was changed after it was signed. */
  | { readonly kind: 'changed'; readonly because: string };

/** What `key` must have signed, if the envelope is its own: still to be verified. */
export type Claimed = {
  readonly kind: 'claimed';
  readonly signed: Buffer;
  readonly signature: Buffer;
  readonly statement: string;
};

/** Takes apart an envelope that says it was signed with `key`. */
export function claimOf(envelope: Envelope, key: VerifierKey): Claimed | Exclude<Opened, { kind: 'opened' }> {
  if (envelope.payloadType !== PAYLOAD_TYPE) return changed(`its payload is of type ${envelope.payloadType}`);
  const own = envelope.signatures.find((s) => s.keyid === envelopeKeyId(key));
  if (own === undefined)
    return { kind: 'foreign', by: envelope.signatures.map((s) => s.keyid || 'no name').join(', ') };
  const payload = strictBase64(envelope.payload);
  const signature = strictBase64(own.sig);
  if (payload === undefined || signature === undefined) return changed('its base64 is damaged');
  const signed = preAuthenticationEncoding(PAYLOAD_TYPE, payload);
  return { kind: 'claimed', signed, signature, statement: payload.toString('utf8') };
}

const changed = (because: string) => ({ kind: 'changed', because }) as const;

/** The statement of an envelope that `key` signed. Many at once are verified on all processors. */
export async function openEnvelope(envelope: Envelope, key: VerifierKey): Promise<Opened> {
  const claim = claimOf(envelope, key);
  if (claim.kind !== 'claimed') return claim;
  const holds = await verifyInBackground(key, claim.signed, claim.signature);
  return holds ? { kind: 'opened', statement: claim.statement } : changed('its signature does not fit its content');
}
