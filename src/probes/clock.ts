import { performance } from 'node:perf_hooks';

/** Time as a probe reads it. Durations come from `monotonicMs` alone; `wallMs` (Unix epoch) only dates an observation. */
export interface Clock {
  /** Milliseconds on a clock that never steps back; its origin means nothing. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
