import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** A throw-away Postgres of one test file: real, empty, on a free loopback port, in a directory that goes with it. */
export type ThrowAwayPostgres = {
  /** Superuser, no password, loopback only. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly directory: string;
  stop(): Promise<void>;
};

const BIN = '/usr/lib/postgresql/15/bin';
const PATIENCE_MS = 1_500;

/**
 * Starts one. `settings` are further lines of postgresql.conf. Durability is off unless asked for: a test that kills
 * the server itself passes `{ fsync: 'on' }`.
 */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<ThrowAwayPostgres> {
  if (!existsSync(join(BIN, 'initdb')))
    throw new Error(`no ${BIN}/initdb: apt-get install -y --no-install-recommends postgresql-15`);
  const directory = mkdtempSync(join(tmpdir(), 'holdpoint-postgres-'));
  const data = join(directory, 'data');
  const owner = serverUser();
  if (owner) chownSync(directory, owner.uid, owner.gid);
  let server: ChildProcess | undefined;
  try {
    execFileSync(
      join(BIN, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
      { ...owner, stdio: 'pipe', cwd: directory, timeout: 60_000 },
    );
    const port = await freePort();
    server = startServer({ data, directory, port, settings, owner });
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    await untilItAnswers(url, server);
    const pid = server.pid ?? 0;
    const running = server;
    return { url, port, pid, directory, stop: () => stop(running, directory) };
  } catch (error) {
    if (server) await stop(server, directory);
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Postgres refuses to run as root; it then runs as the user that Debian's package made. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

type Start = {
  readonly data: string;
  readonly directory: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly owner: { uid: number; gid: number } | undefined;
};

function startServer({ data, directory, port, settings, owner }: Start): ChildProcess {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: directory,
    fsync: 'off',
    shared_buffers: '32MB',
    max_connections: '50',
    ...settings,
  };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(BIN, 'postgres'), ['-D', data, '-p', String(port), ...options], {
    ...owner,
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  server.stderr?.resume();
  // A test run that dies must not leave a server behind.
  process.once('exit', () => server.kill('SIGQUIT'));
  return server;
}

async function untilItAnswers(url: string, server: ChildProcess): Promise<void> {
  let last: unknown;
  for (let tries = 0; tries < 300; tries++) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode} while it started`);
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.query('SELECT 1');
      return;
    } catch (error) {
      last = error;
      await pause(50);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  throw new Error('postgres did not answer within 15 s', { cause: last });
}

/**
 * Ends the server. SIGTERM first, which waits for sessions: a pool that has just been ended is still about to close its
 * connections, and would meet an error. SIGINT then ends what is still open.
 */
async function stop(server: ChildProcess, directory: string): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    const impatience = setTimeout(() => server.kill('SIGINT'), PATIENCE_MS);
    await ended;
    clearTimeout(impatience);
  }
  rmSync(directory, { recursive: true, force: true });
}

/** A port that nothing listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
