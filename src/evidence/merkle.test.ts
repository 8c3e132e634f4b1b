import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consistencyProof,
  EMPTY_ROOT,
  type Hash,
  inclusionProof,
  leafHash,
  nodeHash,
  provesConsistency,
  provesInclusion,
  rootOf,
} from './merkle.ts';

const base64 = (text: string): Hash => Buffer.from(text, 'base64');

/** The eight leaves that the test data of transparency-dev/merkle (and of Certificate Transparency) is made over. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  (hex) => leafHash(Buffer.from(hex, 'hex')),
);

/** transparency-dev/merkle, testdata/inclusion/N/happy-path.json */
const INCLUSION = [
  {
    index: 0,
    size: 1,
    root: 'bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=',
    leaf: 'bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=',
    proof: [],
  },
  {
    index: 0,
    size: 8,
    root: 'XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=',
    leaf: 'bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=',
    proof: [
      'lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=',
      'Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=',
      'a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=',
    ],
  },
  {
    index: 5,
    size: 8,
    root: 'XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=',
    leaf: 'QnGia+DYqE8L1UyMMC58s6O10fpngKQLzOKHNHfatlg=',
    proof: [
      'vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=',
      'yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=',
      '037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=',
    ],
  },
  {
    index: 2,
    size: 3,
    root: 'rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=',
    leaf: 'ApjRIpBtz8EIkstTpzmS/FufST6kybrbJ7eRtBJ6f+c=',
    proof: ['+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU='],
  },
  {
    index: 1,
    size: 5,
    root: 'Tju7H3tHjc/nH7YxYxUZo7yhLJrvyhYSv85ME6hiZNQ=',
    leaf: 'lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=',
    proof: [
      'bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=',
      'Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=',
      'vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=',
    ],
  },
];

/** transparency-dev/merkle, testdata/consistency/N/happy-path.json */
const CONSISTENCY = [
  {
    size1: 1,
    size2: 1,
    root1: 'bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=',
    root2: 'bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=',
    proof: [],
  },
  {
    size1: 1,
    size2: 8,
    root1: 'bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=',
    root2: 'XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=',
    proof: [
      'lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=',
      'Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=',
      'a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=',
    ],
  },
  {
    size1: 6,
    size2: 8,
    root1: 'duZ9rbzfHhDht03cYIq9L5jfsW+851J3tSMqEn8gh+8=',
    root2: 'XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=',
    proof: [
      'DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=',
      'yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=',
      '037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=',
    ],
  },
  {
    size1: 2,
    size2: 5,
    root1: '+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU=',
    root2: 'Tju7H3tHjc/nH7YxYxUZo7yhLJrvyhYSv85ME6hiZNQ=',
    proof: ['Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=', 'vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms='],
  },
  {
    size1: 6,
    size2: 7,
    root1: 'duZ9rbzfHhDht03cYIq9L5jfsW+851J3tSMqEn8gh+8=',
    root2: '3bib5AOAnjJXUNPSY814kpwpQreUKjS3fhIslZSnTIw=',
    proof: [
      'DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=',
      'sIaT7C5yFZcTBkHoIR5+7cy0wmQTlj7ubB4u0W/7Gl8=',
      '037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=',
    ],
  },
];

const RANDOM = 'q6yroAAAAAAAAAAAAAAAAAAAAAAAAAAAAGAGHgASNFY=';
const EMPTY = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

/** The mutations that the same test data carries as files of their own (`wantErr: true`), named as there. */
function mutatedProofs(proof: readonly Hash[], root: Hash): [string, Hash[]][] {
  const flipped = proof.map((_, i): [string, Hash[]] => [
    `modified-proof[${i}]-bit-4`,
    proof.map((hash, j) => (i === j ? Buffer.from(hash.map((byte, k) => (k === 0 ? byte ^ 16 : byte))) : hash)),
  ]);
  return [
    ...flipped,
    ['preceding-garbage', [Buffer.alloc(0), ...proof]],
    ['trailing-garbage', [...proof, Buffer.alloc(0)]],
    ['preceding-root', [root, ...proof]],
    ['trailing-root', [...proof, root]],
    ['inserted-component', [...proof.slice(0, 1), base64(RANDOM), ...proof.slice(1)]],
    ...(proof.length > 0 ? [['removed-component', proof.slice(0, -1)] as [string, Hash[]]] : []),
  ];
}

describe('the Merkle tree, against transparency-dev/merkle', () => {
  it('has the empty root that is the hash of nothing', () => {
    expect(EMPTY_ROOT.toString('base64')).toBe(EMPTY);
    expect(rootOf([])).toEqual(EMPTY_ROOT);
  });

  it.each(INCLUSION)('leaf $index of $size: root, path and proof', ({ index, size, root, leaf, proof }) => {
    const leaves = LEAVES.slice(0, size);
    const claim = { index, size, leaf: base64(leaf), root: base64(root), proof: proof.map(base64) };
    expect(leaves[index]).toEqual(base64(leaf));
    expect(rootOf(leaves)).toEqual(base64(root));
    expect(inclusionProof(leaves, index)).toEqual(proof.map(base64));
    expect(provesInclusion(claim)).toBe(true);

    for (const [name, wrong] of mutatedProofs(claim.proof, claim.root))
      expect(provesInclusion({ ...claim, proof: wrong }), name).toBe(false);
    for (const other of [index - 1, index + 1, index ^ 2])
      expect(provesInclusion({ ...claim, index: other }), `leafIdx ${other}`).toBe(false);
    // A wrong size is seen only where it changes the shape of the path (testdata: treeSize-*-2, treeSize-div-2).
    for (const other of [size * 2, Math.floor(size / 2)])
      expect(provesInclusion({ ...claim, size: other }), `treeSize ${other}`).toBe(false);
    expect(provesInclusion({ ...claim, leaf: base64(RANDOM) }), 'wrong-leaf').toBe(false);
    expect(provesInclusion({ ...claim, root: EMPTY_ROOT }), 'empty-root').toBe(false);
    expect(provesInclusion({ ...claim, root: base64(RANDOM) }), 'random-root').toBe(false);
  });

  it.each(CONSISTENCY)('$size1 to $size2: roots, path and proof', ({ size1, size2, root1, root2, proof }) => {
    const claim = { size1, size2, root1: base64(root1), root2: base64(root2), proof: proof.map(base64) };
    expect(rootOf(LEAVES.slice(0, size1))).toEqual(claim.root1);
    expect(rootOf(LEAVES.slice(0, size2))).toEqual(claim.root2);
    expect(consistencyProof(LEAVES.slice(0, size2), size1)).toEqual(claim.proof);
    expect(provesConsistency(claim)).toBe(true);

    for (const [name, wrong] of mutatedProofs(claim.proof, claim.root1))
      expect(provesConsistency({ ...claim, proof: wrong }), name).toBe(false);
    expect(provesConsistency({ ...claim, root1: base64(RANDOM) }), 'wrong-root1').toBe(false);
    expect(provesConsistency({ ...claim, root2: base64(RANDOM) }), 'wrong-root2').toBe(false);
    if (size1 !== size2) {
      expect(provesConsistency({ ...claim, root1: claim.root2, root2: claim.root1 }), 'swapped-roots').toBe(false);
      expect(provesConsistency({ ...claim, proof: [] }), 'empty-proof').toBe(false);
      for (const other of [size1 - 1, size1 + 1, size1 ^ 2])
        expect(provesConsistency({ ...claim, size1: other }), `size1 ${other}`).toBe(false);
      for (const other of [size2 * 2, Math.floor(size2 / 2)])
        expect(provesConsistency({ ...claim, size2: other }), `size2 ${other}`).toBe(false);
    }
  });

  it.each([
    ['consistency check on empty tree (size1 is zero) is useless', 0, 1, EMPTY, EMPTY, [EMPTY], false],
    ['size1 is zero and size2 is not zero', 0, 1, EMPTY, 'ZG9uJ3QgY2FyZSAy', [], false],
    ['size1 is greater than size2', 1, 0, 'ZG9uJ3QgY2FyZSAx', 'ZG9uJ3QgY2FyZSAy', [], false],
    ['sizes match but proof is not empty and sizes are one', 1, 1, EMPTY, EMPTY, [EMPTY], false],
    ['sizes are equal (zero) and proof is empty', 0, 0, 'ZG9uJ3QgY2FyZSAx', 'ZG9uJ3QgY2FyZSAx', [], true],
  ])('testdata/consistency/additional: %s', (_, size1, size2, root1, root2, proof, holds) => {
    expect(
      provesConsistency({ size1, size2, root1: base64(root1), root2: base64(root2), proof: proof.map(base64) }),
    ).toBe(holds);
  });

  it.each([0, 1, 2])('testdata/inclusion/additional: no leaf %i in a tree of 0', (index) => {
    for (const root of [EMPTY_ROOT, base64(RANDOM)])
      expect(provesInclusion({ index, size: 0, leaf: base64(RANDOM), root, proof: [] })).toBe(false);
  });
});

describe('proofs of trees of any size', () => {
  const hashes = Array.from({ length: 600 }, (_, i) => leafHash(Buffer.from(String(i))));
  const byDefinition = (of: readonly Hash[]): Hash => {
    const [only] = of;
    if (only === undefined) return EMPTY_ROOT;
    if (of.length === 1) return only;
    const split = 2 ** Math.floor(Math.log2(of.length - 1));
    return nodeHash(byDefinition(of.slice(0, split)), byDefinition(of.slice(split)));
  };
  const size = fc.integer({ min: 1, max: hashes.length });
  const flip = (hash: Hash, bit: number): Hash =>
    Buffer.from(hash.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)));

  it('have the root that RFC 6962 defines', () => {
    fc.assert(
      fc.property(size, (n) => {
        expect(rootOf(hashes.slice(0, n))).toEqual(byDefinition(hashes.slice(0, n)));
      }),
    );
  });

  it('include each leaf, and nothing that was changed', () => {
    const sample = size.chain((n) => fc.tuple(fc.constant(n), fc.nat(n - 1), fc.nat(255), fc.nat()));
    fc.assert(
      fc.property(sample, ([n, index, bit, which]) => {
        const leaves = hashes.slice(0, n);
        const proof = inclusionProof(leaves, index);
        const leaf = leaves[index] ?? EMPTY_ROOT;
        const claim = { index, size: n, leaf, root: rootOf(leaves), proof };
        expect(provesInclusion(claim)).toBe(true);
        expect(provesInclusion({ ...claim, leaf: flip(leaf, bit) })).toBe(false);
        expect(provesInclusion({ ...claim, root: flip(claim.root, bit) })).toBe(false);
        const hit = which % Math.max(1, proof.length);
        const mutated = proof.map((h, i) => (i === hit ? flip(h, bit) : h));
        expect(provesInclusion({ ...claim, proof: mutated })).toBe(proof.length === 0);
      }),
    );
  });

  it('go on from each beginning, and from nothing that was changed', () => {
    const sample = size.chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 1, max: n }), fc.nat(255), fc.nat()));
    fc.assert(
      fc.property(sample, ([n, m, bit, which]) => {
        const leaves = hashes.slice(0, n);
        const proof = consistencyProof(leaves, m);
        const claim = { size1: m, size2: n, root1: rootOf(leaves.slice(0, m)), root2: rootOf(leaves), proof };
        expect(provesConsistency(claim)).toBe(true);
        expect(provesConsistency({ ...claim, root1: flip(claim.root1, bit) })).toBe(false);
        expect(provesConsistency({ ...claim, root2: flip(claim.root2, bit) })).toBe(false);
        const hit = which % Math.max(1, proof.length);
        const mutated = proof.map((h, i) => (i === hit ? flip(h, bit) : h));
        expect(provesConsistency({ ...claim, proof: mutated })).toBe(proof.length === 0);
      }),
    );
  });
});
