import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { attemptLog } from '../engine/attempt-log.ts';
import { databasePool } from '../engine/database-pool.ts';
import { Engine, type EngineSettings } from '../engine/engine.ts';
import type { PlanSource } from '../engine/request.ts';
import { ProblemError } from '../evidence/problem.ts';
import { type Clock, systemClock } from '../evidence/units.ts';
import { writeDurably } from '../ledger/durable-file.ts';
import { type KnownSecret, withoutSecrets } from '../ledger/secret-search.ts';
import { type ControlDatabase, openControlDatabase } from './control-database.ts';
import { httpApi } from './http-api.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { openLog } from './log-file.ts';
import type { Operation } from './operation.ts';
import { takeServeLock } from './serve-lock.ts';
import { socketPath } from './socket-path.ts';
import { insideWorkingTree, openStateDirectory, type StateDirectory } from './state-directory.ts';

/** What the composer is given to build its part on. */
export type Ground = {
  readonly state: StateDirectory;
  readonly ledger: Ledger;
  readonly log: (line: string) => void;
};

/** What makes the resident process Holdpoint's: the room that knows apps and tracks supplies it. */
export type Composition = {
  readonly plans: PlanSource;
  /** Long-running actions that are no launch, by name. */
  readonly operations: Readonly<Record<string, Operation>>;
  /** Called once the engine is there, to listen to what happens. */
  readonly follow?: (engine: Engine) => void;
  /** Called last, to let go of what was opened outside. */
  readonly close?: () => Promise<void>;
};

export type ServeOptions = {
  readonly state: string;
  /** A file with the URL of a Postgres; absent: `$HOLDPOINT_DATABASE_URL_FILE`, else the embedded one. */
  readonly databaseUrlFile?: string | undefined;
  /** Listens on TCP too; every request must then bear the token in `STATE/keys/api-token`. */
  readonly tcp?: { readonly host: string; readonly port: number } | undefined;
  readonly version: string;
  readonly compose: (ground: Ground) => Composition | Promise<Composition>;
  /** Every secret that is known now; none of them may be stored. */
  readonly secrets?: () => readonly KnownSecret[];
  readonly clock?: Clock;
} & Partial<Pick<EngineSettings, 'order' | 'boundary'>>;

export type Resident = {
  readonly state: StateDirectory;
  readonly socket: string;
  readonly engine: Engine;
  readonly database: ControlDatabase;
  readonly ledger: Ledger;
  /** Ends in order: no attempt is waited for, an embedded Postgres is stopped. */
  stop(): Promise<void>;
};

/**
 * Opens everything in order, and closes what was opened where a later part does not come up.
 *
 * @throws ProblemError `conflict` where the state directory is served already
 */
export async function serve(options: ServeOptions): Promise<Resident> {
  const undo: (() => unknown)[] = [];
  const close = async () => {
    for (const task of undo.splice(0).reverse()) await withPatience(task);
  };
  try {
    return await open(options, undo, close);
  } catch (thrown) {
    await close().catch(() => undefined);
    throw thrown;
  }
}

async function open(options: ServeOptions, undo: (() => unknown)[], close: () => Promise<void>): Promise<Resident> {
  const { version, compose, clock = systemClock, secrets = () => [] } = options;
  const state = await openStateDirectory(options.state);
  const lock = await takeServeLock(state);
  undo.push(lock.release);
  const log = openLog(join(state.logs, 'serve.log'));
  undo.push(log.close);
  log.line(`Holdpoint ${version} serves ${state.root} as process ${process.pid}`);
  const blotting = () => {
    const known = secrets();
    return (text: string) => withoutSecrets(text, known);
  };
  // A fault of our own ends the process, and the next command starts it again: its last words belong into the log.
  const lastWords = (error: Error) =>
    log.line(`ends by a fault of its own: ${blotting()(error.stack ?? error.message)}`);
  process.on('uncaughtExceptionMonitor', lastWords);
  undo.push(() => process.off('uncaughtExceptionMonitor', lastWords));
  const database = await openControlDatabase({
    state,
    urlFile: options.databaseUrlFile ?? urlFileOfEnvironment(),
    log: log.line,
  });
  undo.push(database.stop);
  log.line(`${database.how}: ${database.description}`);
  const pool = databasePool(database.connection, 10, log.line);
  undo.push(() => pool.end());
  const ledger = await openLedger({ state, pool, clock, secrets, log: log.line });
  undo.push(ledger.stop);
  const { plans, operations, follow, close: letGo } = await compose({ state, ledger, log: log.line });
  if (letGo) undo.push(letGo);
  const attemptLogs = join(state.logs, 'launches');
  const engine = await Engine.open({
    leaves: ledger.leaves,
    database,
    executor: state.id,
    plans,
    launches: state.launches,
    keep: ledger.keep,
    withoutSecrets: blotting,
    attemptLog: (id) => attemptLog(attemptLogs, id),
    clock,
    version,
    log: log.line,
    ...(options.order && { order: options.order }),
    ...(options.boundary && { boundary: options.boundary }),
  });
  undo.push(() => engine.stop());
  logEvents(engine, log.line);
  follow?.(engine);
  const since = clock();
  const health = () => {
    const down = database.down();
    const problem = ledger.problem();
    return {
      ...{ version, pid: process.pid, since, state: state.root },
      database: { description: database.description, how: database.how, ...(down && { down }) },
      ledger: { ...(problem && { problem }) },
      openLaunches: engine.records().flatMap(({ launch }) => (engine.isOpen(launch) ? [launch] : [])),
    };
  };
  const refuse = ({ directory }: { directory: string }) => {
    const problem = insideWorkingTree(state.root, directory);
    if (problem) throw new ProblemError(problem);
  };
  const parts = { engine, ledger, health, attemptLogs, operations, refuse, clock, log: log.line };
  const socket = socketPath(state);
  const local = httpApi(parts);
  undo.push(() => local.close());
  await listenLocally(local, socket);
  if (options.tcp) {
    const remote = httpApi({ ...parts, token: await apiToken(state) });
    undo.push(() => remote.close());
    await remote.listen(options.tcp);
  }
  log.line(`listens on ${socket}`);
  undo.push(() => log.line('ends in order'));
  return { state, socket, engine, database, ledger, stop: close };
}

const urlFileOfEnvironment = (): string | undefined => process.env.HOLDPOINT_DATABASE_URL_FILE || undefined;

const PATIENCE = 20_000;

/** What does not end (a database that is away) must not keep the parts below it from being closed. */
async function withPatience(task: () => unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE);
  });
  await Promise.race([Promise.resolve().then(task), enough]).catch(() => undefined);
  clearTimeout(timer);
}

/** The socket of a process that was killed is still there; we hold the lock, so nobody listens on it. */
async function listenLocally(app: FastifyInstance, socket: string): Promise<void> {
  rmSync(socket, { force: true });
  await app.listen({ path: socket });
  chmodSync(socket, 0o600);
}

async function apiToken(state: StateDirectory): Promise<string> {
  const file = join(state.keys, 'api-token');
  if (!existsSync(file)) await writeDurably(file, `${randomBytes(32).toString('base64url')}\n`, 0o600);
  return readFileSync(file, 'utf8').trim();
}

function logEvents(engine: Engine, log: (line: string) => void): void {
  engine.subscribe((event) => {
    if (event.kind === 'progress' || event.kind === 'measured' || event.kind === 'launch-state') return;
    const about = 'step' in event ? ` ${event.step} ${event.attempt}` : '';
    const problem = 'problem' in event ? `: ${event.problem.what}` : '';
    log(`${event.launch}${about} ${event.kind}${problem}`);
  });
}

/**
 * Serves until SIGTERM or SIGINT, then ends in order. A second signal ends it at once: there is nothing that a restart
 * does not mend.
 */
export async function serveUntilSignalled(options: ServeOptions, ready: (resident: Resident) => void): Promise<void> {
  const resident = await serve(options);
  ready(resident);
  await new Promise<void>((resolve) => {
    let asked = false;
    const ask = () => {
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    process.on('SIGTERM', ask);
    process.on('SIGINT', ask);
  });
  await resident.stop();
}
