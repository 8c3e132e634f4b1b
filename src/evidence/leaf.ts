import type { Decision } from './decision.ts';
import type { Measurement } from './measurement.ts';
import type { Objective } from './objective.ts';
import type { Problem } from './problem.ts';
import type { Digest, Instant, Milliseconds } from './units.ts';

/**
 * Where a leaf stands. Looked up before acting, inserted once.
 *
 * Leaves that belong to no attempt have a step of their own: {@link LAUNCH_STEP} for the launch's beginning and end,
 * {@link DECISION_STEP} for what a person decided.
 */
export type LeafKey = {
  readonly launch: string;
  readonly step: string;
  /** 1 and up; 0 where the leaf belongs to no attempt. */
  readonly attempt: number;
  /** 0 is `started`; then the measurements; the last is `finished`. */
  readonly sequence: number;
};

export const LAUNCH_STEP = '@launch';
export const DECISION_STEP = '@decision';

export const leafKeyText = (key: LeafKey): string => `${key.launch}/${key.step}/${key.attempt}/${key.sequence}`;

export type WindowLength = {
  readonly length: Milliseconds;
  /** What the plan asks for; a shorter window makes go-live provisional, never confirmed. */
  readonly planned: Milliseconds;
};

export type Opened = {
  readonly kind: 'opened';
  readonly app: string;
  readonly environment: string;
  readonly host: string;
  readonly runtime: string;
  readonly by: string;
  readonly holdpoint: string;
  readonly window: WindowLength;
  /** The steps of the plan with what their evidence depends on, so that a later launch can be compared with it. */
  readonly plan: Digest;
  readonly at: Instant;
};

/** Written before the attempt acts, so that one that was cut off can be seen. */
export type Started = {
  readonly kind: 'started';
  readonly inputs: Readonly<Record<string, Digest>>;
  readonly at: Instant;
};

/** A measurement and the objectives it was held against. The verdict is computed on reading, never read. */
export type Measured = {
  readonly kind: 'measured';
  readonly measurement: Measurement;
  readonly objectives: readonly Objective[];
};

/**
 * How an attempt ended.
 * - `completed`: it ran to its end; its measurements say what it found
 * - `errored`: it could not run to its end, so what it was to measure is unknown
 * - `interrupted`: it was cut off (kill -9, power) and found so later
 * - `cancelled`: the launch was aborted
 */
export type Finished = {
  readonly kind: 'finished';
  readonly end:
    | { readonly kind: 'completed' }
    | { readonly kind: 'errored'; readonly problem: Problem }
    | { readonly kind: 'interrupted' }
    | { readonly kind: 'cancelled' };
  readonly at: Instant;
};

export type Decided = { readonly kind: 'decided'; readonly decision: Decision };

/** `checked`: the end of a check of one step, which launches nothing whatever it found. */
export type Closed = {
  readonly kind: 'closed';
  readonly end: 'launched' | 'checked' | 'aborted';
  readonly at: Instant;
};

export type LeafBody = Opened | Started | Measured | Finished | Decided | Closed;

/** One entry. `index` is its place in the ledger, from 0; `release` is the digest that the entry is about, once known. */
export type Leaf<Body extends LeafBody = LeafBody> = {
  readonly index: number;
  readonly key: LeafKey;
  readonly body: Body;
  readonly release: Digest | undefined;
};

/** An entry before it has a place. */
export type NewLeaf = Omit<Leaf, 'index'>;

/** Largest leaf that tlog-tiles can carry (16-bit length); artefacts go by digest. */
export const LARGEST_LEAF = 65_535;
