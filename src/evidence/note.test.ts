import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addSignatures,
  encodeSignerKey,
  encodeVerifierKey,
  parseNote,
  parseSignerKey,
  parseVerifierKey,
  type Read,
  signerKey,
  signNote,
  verifierKey,
  verifyNote,
} from './note.ts';

const value = <V>(read: Read<V>): V => {
  if (read.kind === 'unreadable') throw new Error(read.because);
  return read.value;
};

/** The keys and the note of golang.org/x/mod/sumdb/note. */
const SKEY = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const ENOCH = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop';
const TEXT =
  'If you think cryptography is the answer to your problem,\n' + "then you don't know what your problem is.\n";
const NOTE = `${TEXT}
— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;

describe('keys of signed notes', () => {
  it('derive the public key of RFC 8032, section 7.1, tests 1 and 2', () => {
    const seeds = [
      [
        '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
        'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      ],
      [
        '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
        '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      ],
    ] as const;
    for (const [seed, key] of seeds)
      expect(signerKey('a', Buffer.from(seed, 'hex')).verifier.raw.toString('hex')).toBe(key);
  });

  it('are read and written as Go reads and writes them', () => {
    expect(encodeVerifierKey(value(parseVerifierKey(VKEY)))).toBe(VKEY);
    expect(encodeVerifierKey(value(parseVerifierKey(ENOCH)))).toBe(ENOCH);
    expect(encodeSignerKey(value(parseSignerKey(SKEY)))).toBe(SKEY);
    expect(encodeVerifierKey(value(parseSignerKey(SKEY)).verifier)).toBe(VKEY);
  });

  it('are refused when any part is cut off or changed', () => {
    for (let i = 0; i < VKEY.length; i++) {
      expect(parseVerifierKey(VKEY.slice(0, i)).kind).toBe('unreadable');
      const other = String.fromCharCode(VKEY.charCodeAt(i) + 1);
      expect(parseVerifierKey(VKEY.slice(0, i) + other + VKEY.slice(i + 1)).kind).toBe('unreadable');
    }
    expect(parseSignerKey(VKEY).kind).toBe('unreadable');
    expect(parseVerifierKey(SKEY).kind).toBe('unreadable');
  });
});

describe('signed notes', () => {
  const peter = value(parseSignerKey(SKEY));

  it('are signed byte for byte as Go signs them', () => {
    expect(signNote(TEXT, [peter])).toBe(NOTE);
    expect(value(verifyNote(value(parseNote(NOTE)), [value(parseVerifierKey(VKEY))]))).toBe(TEXT);
  });

  it('take the example of the specification apart, whose text holds blank lines', () => {
    const example =
      'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n' +
      '— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n';
    const note = value(parseNote(example));
    expect(note.text.endsWith('\n\ned è subito sera.\n')).toBe(true);
    expect(note.signatures.map((s) => [s.name, s.id, s.signature.length])).toEqual([
      ['quasimodo.example/salvatore', '367ba04b', 64],
    ]);
  });

  it('pass over the signatures of keys that are not known, and need one that is', () => {
    const other = signerKey('witness.example/w', Buffer.alloc(32, 7));
    const both = addSignatures(value(parseNote(NOTE)), [other]);
    expect(value(verifyNote(value(parseNote(both)), [peter.verifier]))).toBe(TEXT);
    expect(value(verifyNote(value(parseNote(both)), [other.verifier]))).toBe(TEXT);
    expect(verifyNote(value(parseNote(NOTE)), [other.verifier]).kind).toBe('unreadable');
    // The same name with another key is another key.
    expect(verifyNote(value(parseNote(NOTE)), [verifierKey('PeterNeumann', other.verifier.raw)]).kind).toBe(
      'unreadable',
    );
  });

  it('are refused as a whole when the signature of a known key does not verify', () => {
    const other = signerKey('witness.example/w', Buffer.alloc(32, 7));
    const spoilt = NOTE.replace('x08go/ZJ', 'x08go/ZK');
    const both = addSignatures(value(parseNote(spoilt)), [other]);
    expect(verifyNote(value(parseNote(both)), [peter.verifier, other.verifier]).kind).toBe('unreadable');
  });

  it('never verify after a change of one character', () => {
    fc.assert(
      fc.property(fc.nat(NOTE.length - 1), fc.constantFrom('a', 'B', '+', '\n', ' ', '—'), (at, by) => {
        fc.pre(NOTE[at] !== by);
        const changed = parseNote(NOTE.slice(0, at) + by + NOTE.slice(at + 1));
        expect(changed.kind === 'read' && verifyNote(changed.value, [peter.verifier]).kind).not.toBe('read');
      }),
    );
  });

  it.each(['', '\n', 'text\n', `${TEXT}\n`, `${TEXT}\n— a\n`, NOTE.slice(0, -1), `\t${NOTE}`])(
    'are never read from %j',
    (text) => expect(parseNote(text).kind).toBe('unreadable'),
  );
});
