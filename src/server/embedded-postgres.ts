import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { fail, type Problem, problemOf } from '../evidence/problem.ts';
import { installPostgres, type PostgresPrograms } from './postgres-programs.ts';
import { isAlive, processesIn, processFacts } from './process-facts.ts';
import type { ServiceUser } from './service-user.ts';
import { socketDirectory } from './socket-path.ts';
import { tail } from './tail.ts';

const PORT = 5432;
const SOCKET = `.s.PGSQL.${PORT}`;
export const OWNER = 'holdpoint';

export type EmbeddedOptions = {
  /** Where the programs, the data and the socket lie. */
  readonly directory: string;
  readonly logFile: string;
  readonly password: string;
  readonly user: ServiceUser;
  readonly log: (line: string) => void;
};

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

type Cluster = EmbeddedOptions & {
  readonly programs: PostgresPrograms;
  readonly data: string;
  readonly socket: string;
};

async function prepare(options: EmbeddedOptions): Promise<Cluster> {
  if (options.user.kind === 'missing')
    return fail({
      kind: 'host',
      what: 'Postgres refuses to run as root, and the system user for it is missing',
      next: `run \`${options.user.command}\`, or give a Postgres of your own with --database-url-file FILE`,
    });
  const programs = installPostgres(options.directory);
  const data = join(options.directory, 'data');
  const socket = ownedDirectory(socketDirectory(join(options.directory, 'socket'), `${SOCKET}.lock`), options.user);
  refuseClosedWay(options);
  const cluster = { ...options, programs, data, socket };
  if (!existsSync(data)) await initialise(cluster);
  refuseDamaged(cluster);
  return cluster;
}

function ownedDirectory(path: string, user: ServiceUser): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  if (user.kind === 'system') chownSync(path, user.uid, user.gid);
  return path;
}

/** As another user, the server must be able to walk down to its data. */
function refuseClosedWay({ directory, user }: EmbeddedOptions): void {
  if (user.kind !== 'system') return;
  for (let at = directory; at !== dirname(at); at = dirname(at)) {
    if ((statSync(at).mode & 0o001) !== 0) continue;
    fail({
      kind: 'host',
      what: `the control database runs as the user ${OWNER}, who may not enter this directory`,
      where: at,
      next: `allow it (chmod o+x ${at}), or give a state directory elsewhere with --state DIR`,
    });
  }
}

/** Made beside its place and moved there when it is whole, so that a `kill -9` leaves no half-made data directory. */
async function initialise(cluster: Cluster): Promise<void> {
  const { directory, data, programs, user } = cluster;
  for (const name of readdirSync(directory))
    if (name.startsWith('data.') && name.endsWith('.new')) rmSync(join(directory, name), { recursive: true });
  const fresh = ownedDirectory(`${data}.${process.pid}.new`, user);
  const passwordFile = join(fresh, '..', `data.${process.pid}.password.new`);
  writeFileSync(passwordFile, `${cluster.password}\n`, { mode: 0o600, flag: 'wx' });
  try {
    if (user.kind === 'system') chownSync(passwordFile, user.uid, user.gid);
    const options = ['--auth-local=scram-sha-256', '--auth-host=scram-sha-256', '--locale=C', '--encoding=UTF8'];
    await promisify(execFile)(
      join(programs.bin, 'initdb'),
      ['-D', fresh, `--username=${OWNER}`, `--pwfile=${passwordFile}`, ...options],
      { ...asUser(user), env: ENVIRONMENT, cwd: directory },
    );
  } catch (thrown) {
    rmSync(fresh, { recursive: true, force: true });
    const said = thrown instanceof Error && 'stderr' in thrown ? String(thrown.stderr) : String(thrown);
    fail(explain(said.trim().split('\n').slice(-8), data, 'the control database cannot be made'));
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(fresh, data);
}

/** Nothing of ours: the environment of the resident process may hold secrets, and a server's is readable in /proc. */
const ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

const asUser = (user: ServiceUser): { uid?: number; gid?: number } =>
  user.kind === 'system' ? { uid: user.uid, gid: user.gid } : {};

function refuseDamaged({ data, programs }: Cluster): void {
  const versionFile = join(data, 'PG_VERSION');
  if (!existsSync(versionFile) || !existsSync(join(data, 'global', 'pg_control')))
    fail({
      kind: 'host',
      what: 'the data directory of the control database is damaged: files that Postgres needs are missing',
      where: data,
      next: 'restore it with `holdpoint restore`, or move it away and import an exported ledger; nothing was removed',
    });
  const major = readFileSync(versionFile, 'utf8').trim();
  if (major !== programs.major)
    fail({
      kind: 'host',
      what: `the control database was made by Postgres ${major}; this Holdpoint carries ${programs.major}`,
      where: data,
      next: 'export the ledger with the Holdpoint that made it, or use that one',
    });
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

/** The server's last words as a Problem that says what a person can do. */
function explain(said: readonly string[], where: string, what: string): Problem {
  const text = said.join('\n');
  const detail = said.slice(-8);
  if (/No space left on device/.test(text))
    return {
      kind: 'host',
      what: `${what}: the disk is full`,
      where,
      next: 'free some space; it goes on by itself',
      detail,
    };
  if (/Permission denied/.test(text))
    return {
      kind: 'host',
      what: `${what}: rights are missing`,
      where,
      next: 'look at the owner and mode below',
      detail,
    };
  if (
    /PANIC|could not locate a valid checkpoint|invalid checkpoint|is not a database cluster|incompatible|could not (open|read) file|incorrect checksum|is corrupted/.test(
      text,
    )
  )
    return {
      kind: 'host',
      what: `${what}: its data directory is damaged`,
      where,
      next: 'restore it with `holdpoint restore`, or move it away and import an exported ledger; nothing was removed',
      detail,
    };
  return {
    kind: 'host',
    what,
    where,
    next: 'see the lines above, and logs/postgres.log in the state directory',
    detail,
  };
}

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
    for (const deadline = Date.now() + patience; Date.now() < deadline && livingServer(data); ) await pause(25);
  }
}

/** Stops the server on this data directory, whoever started it; for commands that run without a resident process. */
export const stopEmbeddedPostgres = (directory: string): Promise<void> => stopServer(join(directory, 'data'));
