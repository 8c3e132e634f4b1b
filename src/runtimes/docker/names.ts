import type { Network } from '../unit.ts';

/** What everything that the runtime makes on an engine carries; nothing without the environment's label is ever removed. */
export const LABELS = {
  environment: 'dev.holdpoint.environment',
  /** `unit`, `job`, `hand`, `store`, `network`; of images `base`, `part`, `tree`, `app`. */
  kind: 'dev.holdpoint.kind',
  unit: 'dev.holdpoint.unit',
  of: 'dev.holdpoint.of',
  role: 'dev.holdpoint.role',
  slot: 'dev.holdpoint.slot',
  software: 'dev.holdpoint.software',
  /** Digest of all that the container was made from: the same digest, nothing to do. */
  description: 'dev.holdpoint.description',
  /** The unit or job as JSON, so that it is known without our own records. */
  json: 'dev.holdpoint.json',
} as const;

export type Names = {
  readonly id: string;
  network(network: Network): string;
  store(store: string): string;
  unit(unit: string): string;
  job(job: string): string;
  /** Filter of the engine's lists: everything of the environment. */
  readonly ours: string;
};

/** Names on the engine. The id tells environments and state directories on one engine apart. */
export const namesOf = (id: string): Names => ({
  id,
  network: (network) => `holdpoint-${id}-${network}`,
  store: (store) => `holdpoint-${id}-${store}`,
  unit: (unit) => `holdpoint-${id}-${unit}`,
  // A dot, which no unit's name has.
  job: (job) => `holdpoint-${id}.job.${job}`,
  ours: `${LABELS.environment}=${id}`,
});
