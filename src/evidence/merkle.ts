import { createHash } from 'node:crypto';

/**
 * The Merkle tree of RFC 6962, section 2.1 (unchanged in RFC 9162): SHA-256, leaves and inner nodes hashed with different
 * first bytes, so that neither can pass for the other. A tree is given as the hashes of its leaves, in order.
 */

/** 32 bytes. */
export type Hash = Buffer;

export const HASH_SIZE = 32;

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

export const leafHash = (leaf: Uint8Array): Hash => createHash('sha256').update(LEAF).update(leaf).digest();
export const nodeHash = (left: Hash, right: Hash): Hash =>
  createHash('sha256').update(NODE).update(left).update(right).digest();

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Hash = createHash('sha256').digest();

/**
 * The root over `hashes`. They may be the hashes of leaves, or of complete subtrees of one size with an incomplete one
 * at the right end: RFC 6962 splits both at the same places.
 */
export function rootOf(hashes: readonly Hash[]): Hash {
  if (hashes.length === 0) return EMPTY_ROOT;
  let level = hashes;
  while (level.length > 1) {
    const above: Hash[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(at(level, i), at(level, i + 1)));
    // A node without a neighbour goes up as it is: where it ends, the tree of RFC 6962 has its smaller right half.
    if (level.length % 2 === 1) above.push(at(level, level.length - 1));
    level = above;
  }
  return at(level, 0);
}

/** The audit path of the leaf at `index`, from the leaf upwards (RFC 6962, section 2.1.1). */
export function inclusionProof(hashes: readonly Hash[], index: number): Hash[] {
  if (index < 0 || index >= hashes.length) throw new RangeError(`no leaf ${index} in a tree of ${hashes.length}`);
  if (hashes.length === 1) return [];
  const split = splitOf(hashes.length);
  const left = hashes.slice(0, split);
  const right = hashes.slice(split);
  return index < split
    ? [...inclusionProof(left, index), rootOf(right)]
    : [...inclusionProof(right, index - split), rootOf(left)];
}

/** Shows that the tree over the first `size` hashes is a beginning of the whole (RFC 6962, section 2.1.2). */
export function consistencyProof(hashes: readonly Hash[], size: number): Hash[] {
  if (size < 0 || size > hashes.length) throw new RangeError(`no tree of ${size} in a tree of ${hashes.length}`);
  return size === 0 ? [] : subproof(hashes, size, true);
}

function subproof(hashes: readonly Hash[], size: number, known: boolean): Hash[] {
  if (size === hashes.length) return known ? [] : [rootOf(hashes)];
  const split = splitOf(hashes.length);
  const left = hashes.slice(0, split);
  const right = hashes.slice(split);
  return size <= split
    ? [...subproof(left, size, known), rootOf(right)]
    : [...subproof(right, size - split, false), rootOf(left)];
}

export type InclusionClaim = {
  readonly index: number;
  readonly size: number;
  readonly leaf: Hash;
  readonly root: Hash;
  readonly proof: readonly Hash[];
};

/** Whether the proof leads from the leaf to the root (RFC 9162, section 2.1.3.2). */
export function provesInclusion({ index, size, leaf, root, proof }: InclusionClaim): boolean {
  if (!isSize(size) || !isSize(index) || index >= size) return false;
  let hash = leaf;
  let [own, last] = [index, size - 1];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (own % 2 === 1 || own === last) {
      hash = nodeHash(sibling, hash);
      while (own % 2 === 0 && own !== 0) [own, last] = [half(own), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [own, last] = [half(own), half(last)];
  }
  return last === 0 && hash.equals(root);
}

export type ConsistencyClaim = {
  readonly size1: number;
  readonly size2: number;
  readonly root1: Hash;
  readonly root2: Hash;
  readonly proof: readonly Hash[];
};

/**
 * Whether the proof shows that the second tree goes on from the first (RFC 9162, section 2.1.4.2). A tree of size 0 is a
 * beginning of none but itself here: with it nothing is shown, so nothing is claimed.
 */
export function provesConsistency({ size1, size2, root1, root2, proof }: ConsistencyClaim): boolean {
  if (!isSize(size1) || !isSize(size2) || size1 > size2) return false;
  if (size1 === size2) return proof.length === 0 && root1.equals(root2);
  if (size1 === 0) return false;
  const path = isPowerOfTwo(size1) ? [root1, ...proof] : proof;
  const [seed, ...rest] = path;
  if (seed === undefined) return false;
  let [own, last] = [size1 - 1, size2 - 1];
  while (own % 2 === 1) [own, last] = [half(own), half(last)];
  let [first, second] = [seed, seed];
  for (const hash of rest) {
    if (last === 0) return false;
    if (own % 2 === 1 || own === last) {
      first = nodeHash(hash, first);
      second = nodeHash(hash, second);
      while (own % 2 === 0 && own !== 0) [own, last] = [half(own), half(last)];
    } else {
      second = nodeHash(second, hash);
    }
    [own, last] = [half(own), half(last)];
  }
  return last === 0 && first.equals(root1) && second.equals(root2);
}

/** Division, not a shift: sizes may be larger than 2^31. */
const half = (n: number): number => Math.floor(n / 2);
const isSize = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
const isPowerOfTwo = (n: number): boolean => 2 ** Math.round(Math.log2(n)) === n;

/** The largest power of two that is smaller than `size`. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function at(hashes: readonly Hash[], index: number): Hash {
  const hash = hashes[index];
  if (hash === undefined) throw new RangeError(`no hash ${index} of ${hashes.length}`);
  return hash;
}
