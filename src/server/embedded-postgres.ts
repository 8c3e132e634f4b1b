import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { fail, type Problem, problemOf } from '../evidence/problem.ts';
import {
  asUser,
  type Cluster,
  type EmbeddedOptions,
  ENVIRONMENT,
  explain,
  OWNER,
  PORT,
  prepare,
  SOCKET,
} from './postgres-cluster.ts';
import { isAlive, processesIn, processFacts } from './process-facts.ts';
import { tail } from './tail.ts';

export type EmbeddedPostgres = {
  readonly socketDirectory: string;
  readonly port: number;
  /** Whether this call started the server, or found one alive that an earlier process had left. */
  readonly how: 'started' | 'adopted';
  /** Why the server is down at the moment; undefined while it is up. */
  down(): Problem | undefined;
  processId(): number | undefined;
  stop(): Promise<void>;
};

/**
 * A Postgres of our own that answers on a Unix socket only. It outlives the process that started it; the next one
 * adopts it. While this process lives, a server that died is started again.
 *
 * @throws ProblemError `host` with the server's last words; a damaged data directory is left as it is
 */
export async function openEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const cluster = await prepare(options);
  const how = await ensureRunning(cluster);
  return watched(cluster, how);
}

type Postmaster = { readonly pid: number; readonly socket: string };

/** The first lines of postmaster.pid: process, data directory, start, port, socket directory. */
function postmaster(data: string): Postmaster | undefined {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  const pid = Number(lines[0]);
  return Number.isInteger(pid) && pid > 0 ? { pid, socket: lines[4]?.trim() ?? '' } : undefined;
}

/** The living server on this data directory, seen by what runs under the id, not by the id alone: ids are used again. */
function livingServer(data: string): Postmaster | undefined {
  const found = postmaster(data);
  if (!found || !isAlive(found.pid)) return undefined;
  const facts = processFacts(found.pid);
  return facts === undefined || (facts.program === 'postgres' && facts.directory === data) ? found : undefined;
}

async function ensureRunning(cluster: Cluster): Promise<'started' | 'adopted'> {
  const living = livingServer(cluster.data);
  if (living) {
    await untilItAnswers(cluster, () => (isAlive(living.pid) ? undefined : 'the server that was running has ended'));
    return 'adopted';
  }
  removeStaleLocks(cluster);
  // The children of a server that was killed hold its shared memory for a moment longer.
  for (let left = 40; ; left--) {
    const said = await startOnce(cluster);
    if (said === undefined) return 'started';
    const lingering = said.some((line) => /pre-existing shared memory block|lock file .* already exists/.test(line));
    if (!lingering || left === 0) return fail(explain(said, cluster.data, 'the control database does not start'));
    await pause(250);
  }
}

/**
 * Postgres itself sees through a lock file whose process is gone, but not through one whose number was given to another
 * program of the same user. Such a file is removed only when nothing works in the data directory.
 */
function removeStaleLocks({ data, socket }: Cluster): void {
  if (processesIn(data).length > 0) return;
  for (const file of [join(data, 'postmaster.pid'), join(socket, `${SOCKET}.lock`)]) {
    if (!existsSync(file)) continue;
    const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
    const facts = processFacts(pid);
    if (facts !== undefined && facts.program !== 'postgres') rmSync(file);
  }
}

/** Undefined when the server answers, else what it said on its way out. */
async function startOnce(cluster: Cluster): Promise<string[] | undefined> {
  const { logFile, data, programs, socket, user, directory } = cluster;
  const before = existsSync(logFile) ? statSync(logFile).size : 0;
  const output = openSync(logFile, 'a', 0o600);
  let ended: string | undefined;
  const child = spawn(join(programs.bin, 'postgres'), ['-D', data, ...settings(socket)], {
    ...asUser(user),
    env: ENVIRONMENT,
    cwd: directory,
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `postgres ended with ${signal ?? code}`));
  child.unref();
  try {
    await untilItAnswers(cluster, () => ended);
    return undefined;
  } catch (thrown) {
    if (ended === undefined) throw thrown;
    const said = tail(logFile, 12, before);
    return said.length > 0 ? said : [ended];
  }
}

const settings = (socket: string): string[] =>
  Object.entries({
    listen_addresses: '',
    port: PORT,
    unix_socket_directories: socket,
    unix_socket_permissions: '0700',
    max_connections: 40,
    shared_buffers: '32MB',
    max_wal_size: '256MB',
    // One host, no replica and no archive: the ledger's export is the copy elsewhere.
    wal_level: 'minimal',
    max_wal_senders: 0,
    jit: 'off',
    log_timezone: 'UTC',
    timezone: 'UTC',
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/** Recovery after a crash may take a while; a server that is still at it says so and is waited for. */
const LONGEST_START = 120_000;

async function untilItAnswers(cluster: Cluster, ended: () => string | undefined): Promise<void> {
  const deadline = Date.now() + LONGEST_START;
  let last: unknown;
  for (let wait = 20; Date.now() < deadline; wait = Math.min(wait * 1.5, 250)) {
    const client = new pg.Client(connectionOf(cluster, livingServer(cluster.data)?.socket || cluster.socket));
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return;
    } catch (thrown) {
      last = thrown;
      if (thrown instanceof Error && 'code' in thrown && thrown.code === '28P01') fail(wrongPassword(cluster));
    } finally {
      await client.end().catch(() => undefined);
    }
    const why = ended();
    if (why !== undefined) fail(explain([why], cluster.data, 'the control database does not start'));
    await pause(wait);
  }
  fail(
    explain(tail(cluster.logFile, 8), cluster.data, `the control database does not answer: ${problemOf(last).what}`),
  );
}

const connectionOf = (cluster: Cluster, socket: string): pg.ClientConfig => ({
  host: socket,
  port: PORT,
  user: OWNER,
  password: cluster.password,
  database: 'postgres',
  connectionTimeoutMillis: 10_000,
});

const wrongPassword = ({ data }: Cluster): Problem => ({
  kind: 'host',
  what: 'the control database refuses our password: keys and database do not belong together',
  where: data,
  next: 'restore keys/ and database/ from one and the same backup',
});

const WATCH_EVERY = 300;

function watched(cluster: Cluster, how: 'started' | 'adopted'): EmbeddedPostgres {
  let stopping = false;
  let down: Problem | undefined;
  let restarting: Promise<void> | undefined;

  const restart = async () => {
    for (let wait = 250; !stopping; wait = Math.min(wait * 2, 10_000)) {
      try {
        await ensureRunning(cluster);
        down = undefined;
        cluster.log('the control database runs again');
        return;
      } catch (thrown) {
        down = problemOf(thrown, cluster.data);
        cluster.log(`the control database is down: ${down.what}`);
        await pause(wait);
      }
    }
  };
  const timer = setInterval(() => {
    if (stopping || restarting || livingServer(cluster.data)) return;
    down = explain([], cluster.data, 'the control database has ended');
    cluster.log('the control database has ended and is started again');
    restarting = restart().finally(() => {
      restarting = undefined;
    });
  }, WATCH_EVERY);
  timer.unref();

  return {
    socketDirectory: livingServer(cluster.data)?.socket || cluster.socket,
    port: PORT,
    how,
    down: () => down,
    processId: () => livingServer(cluster.data)?.pid,
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await restarting;
      await stopServer(cluster.data);
    },
  };
}

/** Fast shutdown (SIGINT) with a checkpoint; a server that does not manage it in time is ended at once (SIGQUIT). */
async function stopServer(data: string): Promise<void> {
  for (const [signal, patience] of [
    ['SIGINT', 30_000],
    ['SIGQUIT', 10_000],
  ] as const) {
    const living = livingServer(data);
    if (!living) return;
    process.kill(living.pid, signal);
    // Its pid file goes a moment before the process itself does: only a process that is gone has stopped.
    for (const deadline = Date.now() + patience; Date.now() < deadline && isAlive(living.pid); ) await pause(25);
    if (!isAlive(living.pid)) return;
  }
}

/** Stops the server on this data directory, whoever started it; for commands that run without a resident process. */
export const stopEmbeddedPostgres = (directory: string): Promise<void> => stopServer(join(directory, 'data'));
