import type { Command } from '../config/app.ts';
import type { Bytes, Digest, Milliseconds } from '../evidence/units.ts';

/** Who a unit runs as. Each runtime maps the role to a user that it has; without root all roles are the current user. */
export type UnitUser = 'app' | 'postgres' | 'proxy' | 'monitoring' | 'cache';

/** A file that a unit needs, in one of its stores. */
export type UnitFile = {
  readonly store: string;
  /** Relative to the store. */
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
  readonly user: UnitUser;
};

/** A store as a unit or job uses it. What is not named here is not there for it, where the runtime keeps units apart. */
export type Mount = { readonly store: string; readonly access: 'read' | 'write' };

/** What the programs of a unit or job come from. */
export type Software =
  /** Debian's packages of the parts that run as the unit's user. */
  | { readonly kind: 'parts' }
  /** The built tree of a release, with the Debian packages that it asks for beside Node. Commands begin in its root. */
  | {
      readonly kind: 'tree';
      /** Absolute path on the machine that Holdpoint runs on. */
      readonly folder: string;
      readonly digest: Digest;
      readonly packages: readonly string[];
    }
  /** An image that the runtime's engine has under this id. Commands begin in its own working directory. */
  | { readonly kind: 'image'; readonly id: Digest };

/**
 * What units can reach one another. Everything is on `app`, but for the database, which is on `database` alone; of the
 * others only services, their jobs and the database's exporter are on both.
 */
export type Network = 'app' | 'database';

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
  readonly software: Software;
  readonly command: Command;
  readonly mounts: readonly Mount[];
  readonly networks: readonly Network[];
  /** `usage`: reads what the runtime's control groups or /proc tell of all units, see `Place.usage`. */
  readonly sees?: 'usage';
  /** No secrets: those are files. */
  readonly environment: Readonly<Record<string, string>>;
  readonly user: UnitUser;
  /** `published`: reachable at 127.0.0.1 of the host, where the runtime keeps the other ports inside. */
  readonly ports: readonly { readonly name: string; readonly number: number; readonly published?: true }[];
  readonly stop: { readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'; readonly grace: Milliseconds };
  readonly restart: 'always' | 'never';
  readonly memory?: Bytes;
};

export type Slot = 'blue' | 'green';
export const otherSlot = (slot: Slot): Slot => (slot === 'blue' ? 'green' : 'blue');

/** What a unit is doing, as the runtime sees it. */
export type UnitState =
  /** `pid` is one of the host's, and changes with each start. */
  | { readonly kind: 'running'; readonly pid: number; readonly restarts: number }
  | { readonly kind: 'stopped' }
  /** Ended by itself and is not (or not yet) started again. */
  | { readonly kind: 'failed'; readonly exit: string; readonly restarts: number }
  | { readonly kind: 'absent' };

/** One-shot work: named, found again after a crash, waited for; keeps its exit code and output. */
export type Job = {
  readonly name: string;
  readonly software: Software;
  readonly command: Command;
  readonly mounts: readonly Mount[];
  readonly networks: readonly Network[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: UnitUser;
  readonly timeLimit: Milliseconds;
};

export type JobEnd =
  | { readonly kind: 'exited'; readonly code: number; readonly output: string; readonly took: Milliseconds }
  | { readonly kind: 'timed-out'; readonly output: string }
  | { readonly kind: 'lost'; readonly reason: string };
