import type { Bytes, Milliseconds } from '../evidence/units.ts';
import type { Job, JobEnd, Unit, UnitFile, UnitState, UnitUser } from './unit.ts';

/** Where things are, as a unit sees them: parts build command lines from it without knowing the runtime. */
export interface Place {
  /** Absolute path of a store, or of a file in it. */
  path(store: string, file?: string): string;
  /** `127.0.0.1:9090` or `prometheus:9090`: how one unit reaches another's port. */
  address(unit: string, port: number): string;
  /** Path of a program of a part (`postgres`, `caddy`): where the runtime keeps it. */
  program(name: string): string;
  /** Name of the system user that plays a role: `postgres`, `holdpoint-app`. */
  user(role: UnitUser): string;
}

export type Usage = { readonly cpuSeconds: number; readonly memory: Bytes };

/** Carries out units in one environment on one host. The one interface of all runtimes. */
export interface Runtime {
  readonly kind: 'process' | 'docker';
  readonly place: Place;
  /** Makes a store if it is not there, with its owner. */
  store(name: string, owner: UnitUser): Promise<void>;
  removeStore(name: string): Promise<void>;
  stores(): Promise<readonly string[]>;
  put(files: readonly UnitFile[]): Promise<void>;
  /** Removes a file of a store; harmless where it is not there. */
  erase(store: string, path: string): Promise<void>;
  /**
   * Takes up what an earlier command or a crash left: finds what supervises the units or starts it again, ends orphans,
   * and puts back every unit that should run and does not. Returns the names of those.
   */
  adopt(): Promise<readonly string[]>;
  /** Starts the unit, or leaves it alone where it already runs as described; replaces it where the description changed. */
  start(unit: Unit): Promise<void>;
  /** Sends the unit's stop signal, waits for its grace, then SIGKILL. Idempotent. The unit is known but stopped. */
  stop(name: string): Promise<{ readonly how: 'stopped' | 'killed' | 'was-not-running'; readonly took: Milliseconds }>;
  /** Stops and forgets the unit. */
  remove(name: string): Promise<void>;
  list(): Promise<readonly { readonly unit: Unit; readonly state: UnitState }[]>;
  inspect(name: string): Promise<UnitState>;
  /** The last lines that the unit printed. */
  logs(name: string, lines: number): Promise<readonly string[]>;
  signal(name: string, signal: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'): Promise<void>;
  usage(name: string): Promise<Usage | undefined>;
  job(job: Job, signal?: AbortSignal): Promise<JobEnd>;
  /** Faults for drills and checks: end the unit's process as a crash would; the runtime may restart it. */
  crash(name: string): Promise<{ readonly pid: number } | undefined>;
  /** Stops every unit and whatever supervises them; stores stay. */
  down(): Promise<void>;
  /** `down`, then removes every store and everything that the runtime itself keeps of the environment. */
  destroy(): Promise<void>;
}
