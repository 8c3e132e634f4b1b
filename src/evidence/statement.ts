import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { Leaf, LeafBody, LeafKey } from './leaf.ts';
import { type Read, unreadable } from './note.ts';
import type { Digest } from './units.ts';
import { isDigest } from './units.ts';

/**
 * A leaf as an in-toto Statement v1.
 *
 * The subject is the release that the entry is about, by its digest. Where no release is known yet (a launch that has
 * just been opened), the subject is the launch: its name is `launch/NAME` and its digest the SHA-256 of NAME in UTF-8,
 * so that the entries of one launch have one subject even then.
 *
 * The predicate carries the entry's index. It is under the signature, so an entry that was moved, doubled or taken out
 * can be named from the entries alone, even where somebody rebuilt the whole tree.
 */
export type Statement = {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly [{ readonly name: string; readonly digest: { readonly sha256: string } }];
  readonly predicateType: PredicateType;
  readonly predicate: { readonly index: number; readonly key: LeafKey; readonly body: LeafBody };
};

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

export type PredicateType = `https://holdpoint.dev/${'measurement' | 'decision' | 'attempt' | 'launch'}/v1`;

export const PREDICATE_TYPES: Readonly<Record<LeafBody['kind'], PredicateType>> = {
  measured: 'https://holdpoint.dev/measurement/v1',
  decided: 'https://holdpoint.dev/decision/v1',
  started: 'https://holdpoint.dev/attempt/v1',
  finished: 'https://holdpoint.dev/attempt/v1',
  opened: 'https://holdpoint.dev/launch/v1',
  closed: 'https://holdpoint.dev/launch/v1',
};

const RELEASE = 'release';

export function statementOf({ index, key, body, release }: Leaf): Statement {
  const { launch, step, attempt, sequence } = key;
  return {
    _type: STATEMENT_TYPE,
    subject: [subjectOf(launch, release)],
    predicateType: PREDICATE_TYPES[body.kind],
    predicate: { index, key: { launch, step, attempt, sequence }, body },
  };
}

/** The one text of a leaf's statement: what is signed. @throws ProblemError where the leaf holds what JSON cannot */
export const statementText = (leaf: Leaf): string => canonicalJson(statementOf(leaf));

function subjectOf(launch: string, release: Digest | undefined): Statement['subject'][0] {
  if (release !== undefined) return { name: RELEASE, digest: { sha256: release.slice('sha256:'.length) } };
  const sha256 = createHash('sha256').update(launch, 'utf8').digest('hex');
  return { name: `launch/${launch}`, digest: { sha256 } };
}

/** A leaf that was read back, with a body that is not yet known to have its shape. */
export type ReadLeaf = Omit<Leaf, 'body'> & { readonly body: unknown; readonly predicateType: string };

/** Reads a statement's text back. Says what is wrong with it; the shape of the body is for others to check. */
export function readStatement(text: string): Read<ReadLeaf> {
  let statement: unknown;
  try {
    statement = JSON.parse(text);
  } catch {
    return unreadable('the statement is no JSON');
  }
  if (member(statement, '_type') !== STATEMENT_TYPE) return unreadable('it is no in-toto Statement v1');
  const predicateType = member(statement, 'predicateType');
  if (typeof predicateType !== 'string') return unreadable('it has no predicate type');
  const predicate = member(statement, 'predicate');
  const index = member(predicate, 'index');
  if (typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0) return unreadable('it has no index');
  const key = readKey(member(predicate, 'key'));
  if (key === undefined) return unreadable('it has no key of launch, step, attempt and sequence');
  const release = readRelease(member(statement, 'subject'), key.launch);
  if (release.kind === 'unreadable') return release;
  return {
    kind: 'read',
    value: { index, key, release: release.value, body: member(predicate, 'body'), predicateType },
  };
}

function readKey(key: unknown): LeafKey | undefined {
  const [launch, step] = [member(key, 'launch'), member(key, 'step')];
  const [attempt, sequence] = [member(key, 'attempt'), member(key, 'sequence')];
  if (typeof launch !== 'string' || typeof step !== 'string') return undefined;
  if (!isCount(attempt) || !isCount(sequence)) return undefined;
  return { launch, step, attempt, sequence };
}

function readRelease(subjects: unknown, launch: string): Read<Digest | undefined> {
  const subject: unknown = Array.isArray(subjects) && subjects.length === 1 ? subjects[0] : undefined;
  const sha256 = member(member(subject, 'digest'), 'sha256');
  const digest = `sha256:${String(sha256)}`;
  if (member(subject, 'name') === RELEASE && isDigest(digest)) return { kind: 'read', value: digest };
  const ofLaunch = subjectOf(launch, undefined);
  if (member(subject, 'name') === ofLaunch.name && sha256 === ofLaunch.digest.sha256)
    return { kind: 'read', value: undefined };
  return unreadable('its subject is neither a release nor its own launch');
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}
