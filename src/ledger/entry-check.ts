import { canonicalJson } from '../evidence/canonical-json.ts';
import { openEnvelope, parseEnvelope } from '../evidence/envelope.ts';
import type { Leaf } from '../evidence/leaf.ts';
import type { VerifierKey } from '../evidence/note.ts';
import { PREDICATE_TYPES, readStatement } from '../evidence/statement.ts';
import type { Fault } from './fault.ts';
import { isLeafBody, whyNoLeafBody } from './leaf-shape.ts';

/** What the bytes of one entry come to, looked at by themselves. */
export type CheckedEntry =
  | { readonly kind: 'leaf'; readonly leaf: Leaf }
  | { readonly kind: 'fault'; readonly fault: Fault };

/** @param place where the entry stands; the leaf that comes out may say of itself that it belongs elsewhere */
export async function checkEntry(bytes: Uint8Array, place: number, key: VerifierKey): Promise<CheckedEntry> {
  const envelope = parseEnvelope(bytes);
  if (envelope.kind === 'unreadable') return edited(place, envelope.because);
  const opened = await openEnvelope(envelope.value, key);
  if (opened.kind === 'foreign') return { kind: 'fault', fault: { kind: 'foreign', entry: place, by: opened.by } };
  if (opened.kind === 'changed') return edited(place, opened.because);
  return checkStatement(opened.statement, place);
}

const edited = (entry: number, because: string): CheckedEntry => ({
  kind: 'fault',
  fault: { kind: 'edited', entry, because },
});

/** From here on all of it is signed by the ledger: what is wrong was wrong when it was written. */
function checkStatement(text: string, entry: number): CheckedEntry {
  const misshapen = (because: string): CheckedEntry => ({
    kind: 'fault',
    fault: { kind: 'misshapen', entry, because },
  });
  const statement = readStatement(text);
  if (statement.kind === 'unreadable') return misshapen(statement.because);
  const { index, key, release, body, predicateType } = statement.value;
  if (!isLeafBody(body)) return misshapen(whyNoLeafBody(body) ?? 'its body has no known shape');
  if (PREDICATE_TYPES[body.kind] !== predicateType) return misshapen(`its predicate type is ${predicateType}`);
  if (canonicalJson(JSON.parse(text)) !== text) return misshapen('it is not written as statements are');
  return { kind: 'leaf', leaf: { index, key, release, body } };
}
