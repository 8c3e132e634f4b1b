import type { Command } from '../config/app.ts';
import type { Bytes, Digest, Milliseconds } from '../evidence/units.ts';
import type { Address } from '../hosts/host.ts';
import type { Job, JobEnd, Software, Unit, UnitFile, UnitState, UnitUser } from './unit.ts';

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
  /** The folder in which commands of a software begin; undefined where only its image knows. */
  root(software: Software): string | undefined;
  /** The address that units listen on: `127.0.0.1` where all share the host's network, `0.0.0.0` where each has its own. */
  readonly listen: '127.0.0.1' | '0.0.0.0';
  /** From where units reach one another, as a network: `127.0.0.1/32`, or `samenet` in the words of pg_hba.conf. */
  readonly neighbours: '127.0.0.1/32' | 'samenet';
  /** Where a unit with `sees: 'usage'` reads what units use, in the words of `parts/unit-exporter.ts`. */
  readonly usage: /** `folder`: one folder a unit, with `about.json` and `starts`. */
    | { readonly from: 'proc'; readonly folder: string }
    /** `store`: one file a unit, which names it and its container; the groups lie below /sys/fs/cgroup. */
    | { readonly from: 'cgroup'; readonly store: string };
}

/** What a runtime can do on its host; a fault or limit that it cannot make leaves its drill unknown, with the reason. */
export type Ability = 'memory-limit' | 'partition' | 'isolation';
export type Abilities = Readonly<
  /** `how`: by what means, in words, where a person would ask. */
  Record<
    Ability,
    { readonly kind: 'can'; readonly how?: string } | { readonly kind: 'cannot'; readonly because: string }
  >
>;

export type Usage = { readonly cpuSeconds: number; readonly memory: Bytes };

/** What an image says of itself. */
export type ImageFacts = {
  readonly id: Digest;
  /** Its ENTRYPOINT and its CMD, as words; empty where it has none. */
  readonly entrypoint: readonly string[];
  readonly arguments: readonly string[];
  /** Ports that it says it listens on. */
  readonly ports: readonly number[];
};

export type ImageBuild = {
  /** Absolute path of the folder that is sent. */
  readonly context: string;
  /** Absolute path, in that folder or elsewhere. */
  readonly dockerfile: string;
  readonly target: string | undefined;
  readonly arguments: Readonly<Record<string, string>>;
  /** Absolute paths of files that are never sent, whatever the ignored files say: they hold secrets. */
  readonly secretFiles: readonly string[];
};

/** How a runtime with an engine comes by images. Each is a Problem where it cannot be had, with its last lines. */
export interface Images {
  build(name: string, build: ImageBuild, progress: (line: string) => void, signal: AbortSignal): Promise<ImageFacts>;
  /** There already, or pulled. */
  ensure(reference: string, progress: (line: string) => void, signal: AbortSignal): Promise<ImageFacts>;
  has(id: Digest): Promise<'there' | 'absent'>;
  /** An archive of the image, for `load` of another engine. */
  save(id: Digest): Promise<NodeJS.ReadableStream>;
  /** `saved` is read anew for each try. */
  load(
    id: Digest,
    saved: () => Promise<NodeJS.ReadableStream>,
    progress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Carries out units in one environment on one host. The one interface of all runtimes. */
export interface Runtime {
  readonly kind: 'process' | 'docker';
  readonly place: Place;
  readonly abilities: Abilities;
  /**
   * Makes what all units stand on: images of the parts, or another look at which programs are installed by now. Returns
   * what it changed on the host, in words; nothing the second time.
   */
  prepare(progress: (line: string) => void, signal: AbortSignal): Promise<readonly string[]>;
  /** Undefined where nothing runs from images. */
  readonly images: Images | undefined;
  /** Makes a store if it is not there, with its owner. */
  store(name: string, owner: UnitUser): Promise<void>;
  removeStore(name: string): Promise<void>;
  stores(): Promise<readonly string[]>;
  put(files: readonly UnitFile[]): Promise<void>;
  /** Undefined where there is no such file. */
  read(store: string, path: string): Promise<Uint8Array | undefined>;
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
  /** Runs a short, idempotent command inside a running unit, as its user. What has to outlive Holdpoint is a job. */
  execute(name: string, command: Command, timeLimit: Milliseconds): Promise<JobEnd>;
  /** Where a port of a unit is reached from its host. Undefined while the unit does not run. */
  address(name: string, port: number): Promise<Address | undefined>;
  /** Faults for drills and checks: end the unit's process as a crash would; the runtime may restart it. */
  crash(name: string): Promise<{ readonly pid: number } | undefined>;
  /**
   * Cuts a unit off from every other one, or undoes that. Its own network stays up.
   *
   * @throws ProblemError `host` where `abilities.partition` says that it cannot
   */
  partition(name: string, how: 'cut' | 'mended'): Promise<void>;
  /** Stops every unit and whatever supervises them; stores stay. */
  down(): Promise<void>;
  /** `down`, then removes every store and everything that the runtime itself keeps of the environment. */
  destroy(): Promise<void>;
}
