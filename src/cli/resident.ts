import type { LoggedAttempt } from '../engine/attempt-log.ts';
import type { DecisionRequest } from '../engine/decision-request.ts';
import type { LaunchRequest } from '../engine/request.ts';
import type { Decision } from '../evidence/decision.ts';
import type { Instant } from '../evidence/units.ts';
import type { LaunchSource } from './follow.ts';

/** One line of the history. */
export type LaunchSummary = {
  readonly launch: string;
  readonly kind: 'launch' | 'check';
  readonly app: string;
  readonly environment: string;
  /** The folder of holdpoint.yaml. */
  readonly directory: string;
  readonly by: string;
  readonly askedAt: Instant;
  /** Undefined while it is open. */
  readonly closed: { readonly end: string; readonly at: Instant } | undefined;
  /** What it came to, in a few words: `12 passed, 0 failed, 0 unknown`. */
  readonly tally: string;
};

/** What the commands ask of the resident process. */
export type Resident = {
  /** Oldest first. */
  launches(): Promise<readonly LaunchSummary[]>;
  launch(request: LaunchRequest): Promise<string>;
  check(request: LaunchRequest, step: string): Promise<string>;
  source(launch: string): LaunchSource;
  decide(launch: string, decision: DecisionRequest): Promise<Decision>;
  logs(launch: string, step: string): Promise<readonly LoggedAttempt[]>;
  /** Ends the connection, and nothing else. */
  close(): Promise<void>;
};
