import { type Bytes, bytes } from '../evidence/units.ts';

/** Redis's own words for what it throws out once its memory is full; `noeviction` refuses writes instead. */
export const EVICTIONS = ['allkeys-lru', 'allkeys-lfu', 'volatile-lru', 'volatile-ttl', 'noeviction'] as const;
export type Eviction = (typeof EVICTIONS)[number];

/** A cache that Holdpoint runs. */
export type OwnCache = {
  readonly kind: 'by-holdpoint';
  readonly memory: Bytes;
  /** What happens once the memory is full. */
  readonly eviction: Eviction;
};

export const ownCache = (memory = bytes(128 * 2 ** 20), eviction: Eviction = 'allkeys-lru'): OwnCache => ({
  kind: 'by-holdpoint',
  memory,
  eviction,
});
