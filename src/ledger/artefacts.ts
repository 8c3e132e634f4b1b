import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Person } from '../evidence/decision.ts';
import { fail } from '../evidence/problem.ts';
import type { Bytes, Clock, Digest, Instant, Milliseconds } from '../evidence/units.ts';
import { hours, instant, isDigest, later } from '../evidence/units.ts';
import { HALF_WRITTEN, isCode, readIfThere, writeDurably } from './durable-file.ts';
import { findSecret, type KnownSecret } from './secret-search.ts';

/**
 * Raw artefacts by their SHA-256, beside the ledger: `sha256/ab/HEX` and, next to it, `HEX.json` that says what it is
 * and how long it stays. The ledger names only digests, so an artefact can go and the ledger still verifies.
 */

/** What one probe may store. Everything else is refused. */
export type AllowList = {
  readonly probe: string;
  /** Exactly, without parameters: `text/plain`. */
  readonly mediaTypes: readonly string[];
  readonly largest: Bytes;
  /** What is cut out before anything is stored; the digest is that of the redacted content. Only for text. */
  readonly redactions: readonly Redaction[];
};

/** Every match of `pattern` becomes `[redacted: NAME]`. */
export type Redaction = { readonly name: string; readonly pattern: RegExp };

export type NewArtefact = {
  /** For a reader: `headers of /stock`. */
  readonly name: string;
  readonly mediaType: string;
  readonly content: string | Uint8Array;
  readonly retention: Milliseconds;
};

export type ArtefactRecord =
  | {
      readonly kind: 'kept';
      readonly name: string;
      readonly probe: string;
      readonly mediaType: string;
      readonly size: number;
      readonly storedAt: Instant;
      readonly expiresAt: Instant;
    }
  | Tombstone;

/** What stays of an artefact that is gone. */
export type Tombstone =
  | { readonly kind: 'expired'; readonly name: string; readonly at: Instant }
  | { readonly kind: 'erased'; readonly by: Person; readonly reason: string; readonly at: Instant };

export type ArtefactFound =
  | { readonly kind: 'present'; readonly content: Buffer; readonly record: ArtefactRecord & { kind: 'kept' } }
  | { readonly kind: 'gone'; readonly tombstone: Tombstone }
  /** Its bytes are not those of its digest, or its record cannot be read. */
  | { readonly kind: 'damaged'; readonly because: string }
  | { readonly kind: 'not-present' };

export type Artefacts = {
  /**
   * Stores an artefact that the allow-list lets through. The same content again only makes it stay longer; content that
   * was erased stays erased, and its digest still leads to the tombstone.
   *
   * @throws ProblemError where the media type or size is not allowed, or a known secret is in it (also after redaction)
   */
  put(artefact: NewArtefact, allow: AllowList): Promise<Digest>;
  get(digest: Digest): Promise<ArtefactFound>;
  /** Takes away the content for good. @throws ProblemError where there is no such artefact */
  erase(digest: Digest, by: Person, reason: string): Promise<void>;
  /** Takes away what has outlived its retention. Gives the digests. */
  expireBefore(now: Instant): Promise<Digest[]>;
  list(): Promise<Digest[]>;
};

export type ArtefactStore = {
  /** STATE/ledger/artefacts */
  readonly directory: string;
  readonly clock: Clock;
  /** Every secret that is known at the moment of a `put`. */
  readonly secrets: () => readonly KnownSecret[];
};

export function openArtefacts(store: ArtefactStore): Artefacts {
  const { directory, clock } = store;
  return {
    put: (artefact, allow) => put(store, artefact, allow),
    get: (digest) => getArtefact(directory, digest),
    erase: (digest, by, reason) => erase(directory, digest, { kind: 'erased', by, reason, at: clock() }),
    expireBefore: (now) => expireBefore(directory, now),
    list: () => listArtefacts(directory),
  };
}

const hexOf = (digest: Digest): string => digest.slice('sha256:'.length);
const contentPath = (directory: string, digest: Digest): string =>
  join(directory, 'sha256', hexOf(digest).slice(0, 2), hexOf(digest));
const recordPath = (directory: string, digest: Digest): string => `${contentPath(directory, digest)}.json`;

/** Where an artefact's two files are, relative to the artefacts' directory. */
export const artefactFiles = (digest: Digest): { readonly content: string; readonly record: string } => ({
  content: contentPath('', digest),
  record: recordPath('', digest),
});

async function put(store: ArtefactStore, artefact: NewArtefact, allow: AllowList): Promise<Digest> {
  const content = allowed(artefact, allow, store.secrets());
  const digest = digestOf(content);
  const { directory, clock } = store;
  const before = await readRecord(directory, digest);
  if (before?.kind === 'erased') return digest;
  const now = clock();
  const expiresAt = later(now, artefact.retention);
  const { name, mediaType } = artefact;
  const record: ArtefactRecord =
    before?.kind === 'kept'
      ? { ...before, expiresAt: instant(Math.max(before.expiresAt, expiresAt)) }
      : { kind: 'kept', name, probe: allow.probe, mediaType, size: content.length, storedAt: now, expiresAt };
  // The record first: content without one would never expire.
  await writeRecord(directory, digest, record);
  if ((await readIfThere(contentPath(directory, digest)))?.equals(content) !== true)
    await writeDurably(contentPath(directory, digest), content, 0o600);
  return digest;
}

function allowed(artefact: NewArtefact, allow: AllowList, secrets: readonly KnownSecret[]): Buffer {
  const where = `an artefact of probe ${allow.probe}`;
  const refuse = (what: string, next: string) => fail({ kind: 'internal', what, where, next });
  if (!allow.mediaTypes.includes(artefact.mediaType))
    refuse(
      `${artefact.mediaType} may not be stored; allowed: ${allow.mediaTypes.join(', ') || 'nothing'}`,
      'store what the allow-list names, or add the media type to it',
    );
  if (allow.redactions.length > 0 && !isUtf8(Buffer.from(artefact.content)))
    refuse('it is no text in UTF-8, so nothing can be redacted in it', 'store it as text, or without redactions');
  const content = redacted(artefact.content, allow.redactions);
  if (content.length > allow.largest)
    refuse(
      `${content.length} bytes are more than the ${allow.largest} that may be stored`,
      'store the part that matters',
    );
  const secret = findSecret(content, secrets) ?? findSecret(Buffer.from(artefact.name), secrets);
  if (secret !== undefined)
    refuse(`it holds the secret ${secret}`, 'add a redaction to the allow-list; nothing was stored');
  return content;
}

function redacted(content: string | Uint8Array, redactions: readonly Redaction[]): Buffer {
  if (redactions.length === 0) return Buffer.from(content);
  const text = typeof content === 'string' ? content : Buffer.from(content).toString('utf8');
  const all = (pattern: RegExp) => new RegExp(pattern.source, pattern.flags.replace('g', '').concat('g'));
  return Buffer.from(redactions.reduce((t, { name, pattern }) => t.replace(all(pattern), `[redacted: ${name}]`), text));
}

function digestOf(content: Uint8Array): Digest {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  return isDigest(digest) ? digest : fail({ kind: 'internal', what: `no digest: ${digest}`, next: 'report this' });
}

const moment = z.custom<Instant>((value) => typeof value === 'number' && Number.isFinite(value));
const recordShape: z.ZodType<ArtefactRecord> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('kept'),
    name: z.string(),
    probe: z.string(),
    mediaType: z.string(),
    size: z.number(),
    storedAt: moment,
    expiresAt: moment,
  }),
  z.object({ kind: z.literal('expired'), name: z.string(), at: moment }),
  z.object({
    kind: z.literal('erased'),
    by: z.object({ name: z.string(), identity: z.literal('not verified') }),
    reason: z.string(),
    at: moment,
  }),
]);

type DamagedRecord = { readonly kind: 'damaged' };

async function readRecord(directory: string, digest: Digest): Promise<ArtefactRecord | DamagedRecord | undefined> {
  const content = await readIfThere(recordPath(directory, digest));
  if (content === undefined) return undefined;
  try {
    const parsed = recordShape.safeParse(JSON.parse(content.toString('utf8')));
    return parsed.success ? parsed.data : { kind: 'damaged' };
  } catch {
    return { kind: 'damaged' };
  }
}

const writeRecord = (directory: string, digest: Digest, record: ArtefactRecord): Promise<void> =>
  writeDurably(recordPath(directory, digest), `${JSON.stringify(record)}\n`, 0o600);

/** Looks an artefact up, in a state directory or an export. The bytes are held against the digest. */
export async function getArtefact(directory: string, digest: Digest): Promise<ArtefactFound> {
  const record = await readRecord(directory, digest);
  if (record?.kind === 'erased' || record?.kind === 'expired') return { kind: 'gone', tombstone: record };
  const content = await readIfThere(contentPath(directory, digest));
  if (content === undefined) return { kind: 'not-present' };
  if (digestOf(content) !== digest) return { kind: 'damaged', because: 'its bytes are not those of its digest' };
  if (record === undefined || record.kind === 'damaged')
    return { kind: 'damaged', because: 'its record cannot be read' };
  return { kind: 'present', content, record };
}

async function erase(directory: string, digest: Digest, tombstone: Tombstone): Promise<void> {
  const record = await readRecord(directory, digest);
  const content = await readIfThere(contentPath(directory, digest));
  if (record === undefined && content === undefined)
    fail({
      kind: 'input',
      what: 'there is no such artefact',
      where: digest,
      next: 'name a digest that an entry names',
    });
  // The tombstone first: killed in between, the artefact counts as gone and the next sweep removes the bytes.
  if (record?.kind !== 'erased') await writeRecord(directory, digest, tombstone);
  await rm(contentPath(directory, digest), { force: true });
}

async function expireBefore(directory: string, now: Instant): Promise<Digest[]> {
  const expired: Digest[] = [];
  for (const digest of await listArtefacts(directory)) {
    const record = await readRecord(directory, digest);
    if (record?.kind === 'kept' && record.expiresAt < now) {
      await writeRecord(directory, digest, { kind: 'expired', name: record.name, at: now });
      expired.push(digest);
    }
    const gone = (record?.kind === 'kept' && record.expiresAt < now) || record?.kind === 'erased';
    if (gone || record?.kind === 'expired') await rm(contentPath(directory, digest), { force: true });
  }
  await sweepHalfWritten(directory, now);
  return expired;
}

/** Nobody takes an hour to write a file: what is half written that long was left by a process that was killed. */
async function sweepHalfWritten(directory: string, now: Instant): Promise<void> {
  for (const file of await filesOf(directory)) {
    if (!file.endsWith(HALF_WRITTEN)) continue;
    const path = join(directory, 'sha256', file);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }));
    if (mtimeMs < now - hours(1)) await rm(path, { force: true });
  }
}

/** Every artefact that there is or was, tombstones among them. */
export async function listArtefacts(directory: string): Promise<Digest[]> {
  const digests = (await filesOf(directory)).map((file) => `sha256:${file.slice(3).replace(/\.json$/, '')}`);
  return [...new Set(digests.filter(isDigest))].sort();
}

async function filesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(join(directory, 'sha256'), { recursive: true });
  } catch (error) {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  }
}
