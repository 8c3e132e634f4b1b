import type { LoadCounts, LoadTally, SecondOfLoad } from './tally.ts';

/** What a load observed. It judges nothing. Durations in milliseconds. */
export interface LoadResult {
  /** ISO 8601, when the first request was due. */
  readonly startedAt: string;
  readonly ended: { readonly kind: 'complete' } | { readonly kind: 'aborted'; readonly afterMs: number };
  /** The plan without headers and bodies, which may carry credentials. */
  readonly asked: {
    readonly baseUrl: string;
    readonly mix: readonly {
      readonly name: string;
      readonly weight: number;
      readonly method: string;
      readonly path: string;
    }[];
    readonly ratePerSecond: number;
    readonly durationMs: number;
    readonly warmUpMs: number;
    readonly connections: number;
    readonly timeoutMs: number;
  };
  readonly warmUp: LoadCounts;
  /** The measured part. */
  readonly measured: LoadTally;
  readonly byRequest: Readonly<Record<string, LoadTally>>;
  readonly rate: LoadRate;
  readonly connections: LoadConnections;
  readonly generator: GeneratorState;
  /** A saturated run says nothing about the server: use no figure of it. */
  readonly saturated: { readonly kind: 'none' } | { readonly kind: 'saturated'; readonly reason: string };
  readonly resolution: {
    /** The generator wakes on a timer of this period; up to so much of each latency is its own. */
    readonly timerMs: number;
    /** Relative width of a histogram cell. */
    readonly histogram: number;
  };
  readonly series: readonly SecondOfLoad[];
}

/** Requests a second over the measured part. */
export interface LoadRate {
  /** What the plan asks for. */
  readonly asked: number;
  /** Sent before the measured part was over, by its length. */
  readonly sent: number;
  /**
   * Answered ones. `low` counts the answers that came before the measured part was over, `high` all answers; both by its
   * length. To show that a rate is carried, ask for slightly more than it.
   */
  readonly answered: { readonly value: number; readonly low: number; readonly high: number };
}

export interface LoadConnections {
  readonly opened: number;
  /** Measured requests that waited more than one timer period for a connection (a new handshake, or all were taken). */
  readonly waited: number;
  readonly waitP99Ms: number | 'none';
  readonly waitMaxMs: number | 'none';
}

/** The generator's own state during the measured part. */
export interface GeneratorState {
  /** Intended send time to the moment it turned to the request. */
  readonly delayP95Ms: number | 'none';
  readonly delayP99Ms: number | 'none';
  readonly delayMaxMs: number | 'none';
  /** CPU time of the generator's process by elapsed time, warm-up included; 1 is one core. */
  readonly cpuShare: number;
  /** Scheduling priority of its process, as `nice` has it; below 0 is raised. */
  readonly niceness: number;
}
