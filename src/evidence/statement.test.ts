import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Leaf } from './leaf.ts';
import { readStatement, statementOf, statementText } from './statement.ts';
import type { Digest } from './units.ts';
import { instant, isDigest } from './units.ts';

function digest(text: string): Digest {
  const made = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  if (!isDigest(made)) throw new Error(made);
  return made;
}

const leaf: Leaf = {
  index: 3,
  key: { launch: 'first', step: 'A.1/latency', attempt: 1, sequence: 0 },
  body: { kind: 'started', inputs: { app: digest('app') }, at: instant(5) },
  release: digest('release'),
};

describe('a leaf as an in-toto statement', () => {
  it('is about its release', () => {
    expect(statementOf(leaf)).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'release', digest: { sha256: createHash('sha256').update('release').digest('hex') } }],
      predicateType: 'https://holdpoint.dev/attempt/v1',
      predicate: { index: 3, key: leaf.key, body: leaf.body },
    });
  });

  it('is about its launch as long as no release is known', () => {
    expect(statementOf({ ...leaf, release: undefined }).subject).toEqual([
      { name: 'launch/first', digest: { sha256: createHash('sha256').update('first').digest('hex') } },
    ]);
  });

  it('is read back as it was', () => {
    for (const one of [leaf, { ...leaf, release: undefined }])
      expect(readStatement(statementText(one))).toEqual({
        kind: 'read',
        value: { ...one, predicateType: 'https://holdpoint.dev/attempt/v1' },
      });
  });

  it.each([
    ['{', /JSON/],
    ['null', /in-toto/],
    ['{}', /in-toto/],
    [statementText(leaf).replace('"index":3', '"index":-3'), /index/],
    [statementText(leaf).replace('"attempt":1', '"attempt":"1"'), /key/],
    [statementText(leaf).replace('"name":"release"', '"name":"launch/first"'), /subject/],
    [statementText({ ...leaf, release: undefined }).replace('"launch":"first"', '"launch":"second"'), /subject/],
  ])('says why it is not read from %j', (text, because) => {
    expect(readStatement(text)).toEqual({ kind: 'unreadable', because: expect.stringMatching(because) });
  });
});
