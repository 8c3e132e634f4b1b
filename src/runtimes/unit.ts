import type { Command } from '../config/app.ts';
import type { Bytes, Milliseconds } from '../evidence/units.ts';

/** Who a unit runs as. Each runtime maps the role to a user that it has; without root all roles are the current user. */
export type UnitUser = 'app' | 'postgres' | 'proxy' | 'monitoring';

/** A file that a unit needs, in one of its stores. */
export type UnitFile = {
  readonly store: string;
  /** Relative to the store. */
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
  readonly user: UnitUser;
};

/**
 * One running instance of a service or part, as data: it can be printed, compared, and put into the procedures
 * document. What a unit reads and writes lies in stores: named folders that outlive it (a directory under the runtime
 * `process`, a volume under `docker`).
 */
export type Unit = {
  /** Unique in its environment: `dashboard-blue-1`, `postgres`. */
  readonly name: string;
  /** What it is an instance of: a service's or a part's name. */
  readonly of: string;
  readonly role: 'web' | 'agent' | 'part';
  /** `blue` or `green` for units that are switched; absent for the others. */
  readonly slot?: Slot;
  readonly command: Command;
  readonly directory?: string;
  /** No secrets: those are files. */
  readonly environment: Readonly<Record<string, string>>;
  readonly user: UnitUser;
  readonly ports: readonly { readonly name: string; readonly number: number }[];
  readonly stop: { readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'; readonly grace: Milliseconds };
  readonly restart: 'always' | 'never';
  readonly memory?: Bytes;
};

export type Slot = 'blue' | 'green';
export const otherSlot = (slot: Slot): Slot => (slot === 'blue' ? 'green' : 'blue');

/** What a unit is doing, as the runtime sees it. */
export type UnitState =
  | { readonly kind: 'running'; readonly pid: number; readonly restarts: number }
  | { readonly kind: 'stopped' }
  /** Ended by itself and is not (or not yet) started again. */
  | { readonly kind: 'failed'; readonly exit: string; readonly restarts: number }
  | { readonly kind: 'absent' };

/** One-shot work: named, found again after a crash, waited for; keeps its exit code and output. */
export type Job = {
  readonly name: string;
  readonly command: Command;
  readonly directory?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: UnitUser;
  readonly timeLimit: Milliseconds;
};

export type JobEnd =
  | { readonly kind: 'exited'; readonly code: number; readonly output: string; readonly took: Milliseconds }
  | { readonly kind: 'timed-out'; readonly output: string }
  | { readonly kind: 'lost'; readonly reason: string };
