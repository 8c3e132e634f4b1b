import type { App } from '../config/app.ts';
import type { Environment } from '../environments/environment.ts';
import type { WindowLength } from '../evidence/leaf.ts';
import type { Clock, Digest } from '../evidence/units.ts';
import type { Host } from '../hosts/host.ts';
import type { Attempt } from '../plan/step.ts';
import type { Release } from '../releases/release.ts';
import type { Tree } from '../releases/source-tree.ts';

/**
 * Everything that steps may use, made once for a launch. A step is a function of the world: it never looks at the
 * machine, the clock or another step by itself.
 */
export type World = {
  readonly app: App;
  /**
   * The app's source as it was when the launch was planned: what a release is built from, or everything that a pipeline
   * would check out (tests too). A Problem where the source has changed since.
   */
  checkout(purpose: 'release' | 'pipeline'): Promise<Tree>;
  /** The machine that Holdpoint itself runs on: builds and tests run there. */
  readonly host: Host;
  /** Whether packages and users may be put onto an environment's host. */
  readonly mayPrepare: 'yes' | 'no';
  readonly clock: Clock;
  readonly window: WindowLength;
  /** What evidence depends on, by name; see {@link Inputs}. */
  readonly inputs: Inputs;
  /** Only described where the app is observed: its `runtime` then fails whoever asks for it. */
  readonly production: Environment;
  /** Undefined where the app wants none. */
  readonly staging: Environment | undefined;
  /** STATE/releases */
  readonly releasesFolder: string;
  /** STATE/scratch: working space that is emptied by whoever used it, and at the next start. */
  readonly scratchFolder: string;
  /** The release of this launch. A Problem where it was not built (any more). */
  release(): Promise<Release>;
  /**
   * The throw-away environment of this launch, with database, sample data, services and load balancer up and ready.
   * Made by the first step that asks for it, removed when the launch ends.
   */
  preflight(attempt: Attempt): Promise<Environment>;
  /** Says before the first deed in an environment which release it is aimed at from now on. Harmless when repeated. */
  aim(which: 'production' | 'staging'): Promise<void>;
};

/** Digests that are known before anything runs. */
export type Inputs = {
  /** Source, build commands and configuration: what the release is built from. */
  readonly release: Digest;
  /** Everything that a pipeline would check out, tests too. */
  readonly source: Digest;
  /** The production environment's name and epoch; of an observed one, where and since when this launch looks at it. */
  readonly production: Digest;
  readonly staging: Digest;
  /** Holdpoint's version, host and runtime: evidence of one probe, or from one host, is not evidence of another. */
  readonly holdpoint: Digest;
  /** Length of the monitoring window: evidence of two minutes is not evidence of a day. */
  readonly window: Digest;
};
