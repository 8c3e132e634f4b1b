import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openEnvelope, parseEnvelope, preAuthenticationEncoding, sealStatement } from './envelope.ts';
import { LARGEST_LEAF } from './leaf.ts';
import { signerKey } from './note.ts';

const own = signerKey('holdpoint/here/1', Buffer.alloc(32, 1));
const other = signerKey('holdpoint/there/2', Buffer.alloc(32, 2));

const open = async (entry: Uint8Array, key = own.verifier) => {
  const envelope = parseEnvelope(entry);
  return envelope.kind === 'unreadable' ? envelope : openEnvelope(envelope.value, key);
};

describe('the envelope of an entry', () => {
  it('signs the encoding of the DSSE protocol, its example', () => {
    expect(preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  it('counts bytes, not characters', () => {
    expect(preAuthenticationEncoding('t', Buffer.from('—')).toString()).toBe('DSSEv1 1 t 3 —');
  });

  it('gives back what was sealed with the key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (statement) => {
        expect(await open(sealStatement(statement, own, 'here'))).toEqual({ kind: 'opened', statement });
      }),
    );
  });

  it('of another key is foreign, and one that uses our name in vain is changed', async () => {
    expect(await open(sealStatement('{}', other, 'here'))).toEqual({
      kind: 'foreign',
      by: expect.stringContaining('there'),
    });
    const forged = sealStatement('{}', other, 'here')
      .toString()
      .replace(/"keyid":"[^"]+"/, `"keyid":"${own.verifier.name}+${own.verifier.id}"`);
    expect((await open(Buffer.from(forged))).kind).toBe('changed');
  });

  it('opens no more after any one byte of it has changed', async () => {
    const entry = sealStatement('{"a":"what was seen"}', own, 'here');
    await fc.assert(
      fc.asyncProperty(fc.nat(entry.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Buffer.from(entry);
        changed[at] = (changed[at] ?? 0) ^ by;
        expect((await open(changed)).kind).not.toBe('opened');
      }),
      { numRuns: 500 },
    );
  });

  it.each(['', '{}', '[]', 'null', '{"payload":"","payloadType":"","signatures":[]}'])('is not read from %j', (text) =>
    expect(parseEnvelope(Buffer.from(text)).kind).toBe('unreadable'),
  );

  it('with a member or a space that nobody signed is not read', () => {
    const entry = sealStatement('{}', own, 'here').toString();
    expect(parseEnvelope(Buffer.from(`${entry} `)).kind).toBe('unreadable');
    expect(parseEnvelope(Buffer.from(entry.replace('{', '{"extra":1,'))).kind).toBe('unreadable');
  });

  it('holds what fits into 65,535 bytes; more is a problem that says what to do', () => {
    const entry = sealStatement('x'.repeat(48_000), own, 'here');
    expect(entry.length).toBeLessThanOrEqual(LARGEST_LEAF);
    expect(() => sealStatement('x'.repeat(50_000), own, 'l/A.1/x/1/3')).toThrowError(
      expect.objectContaining({ problem: expect.objectContaining({ where: 'l/A.1/x/1/3' }) }),
    );
  });
});
