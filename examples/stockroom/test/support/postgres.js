// A Postgres for the tests: a database of its own on TEST_DATABASE_URL, or a server of its own from Debian's packages.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const BIN = process.env.POSTGRES_BIN ?? '/usr/lib/postgresql/15/bin';

/** Postgres refuses to run as root, so as root it runs as the package's own user. */
function serverUser() {
  if (process.getuid?.() !== 0) return {};
  const id = (/** @type {string} */ flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Starts a server in a temporary directory. `stop` and `start` may be called again and again; `remove` ends it for good. */
export async function startServer() {
  if (!existsSync(join(BIN, 'postgres'))) {
    throw new Error(`There is no Postgres in ${BIN}: install postgresql-15, or name its folder in POSTGRES_BIN.`);
  }
  const user = serverUser();
  const directory = mkdtempSync(join(tmpdir(), 'stockroom-postgres-'));
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  // A socket in its own directory and no port: nobody else can take it, not even while the server is stopped.
  const url = `postgres://stockroom@localhost/postgres?host=${encodeURIComponent(directory)}`;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;
  const kill = () => void child?.kill('SIGQUIT');

  const server = {
    url,
    async start() {
      const settings = ['fsync=off', 'listen_addresses=', `unix_socket_directories=${directory}`, 'max_connections=60'];
      const args = ['-D', data, '-p', '5432', ...settings.flatMap((setting) => ['-c', setting])];
      child = spawn(join(BIN, 'postgres'), args, { ...user, cwd: directory, stdio: 'ignore' });
      await untilAnswers(url);
    },
    /** SIGQUIT: at once and without a checkpoint, as in a crash. */
    async stop() {
      const running = child;
      child = undefined;
      if (running === undefined || running.exitCode !== null) return;
      const exited = once(running, 'exit');
      running.kill('SIGQUIT');
      await exited;
    },
    async remove() {
      await server.stop();
      process.off('exit', kill);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  process.on('exit', kill);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  try {
    const initdb = ['-D', data, '-U', 'stockroom', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'];
    execFileSync(join(BIN, 'initdb'), initdb, { ...user, cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
    await server.start();
  } catch (error) {
    await server.remove();
    throw error;
  }
  return server;
}

/** @param {string} url */
async function untilAnswers(url) {
  for (let attempt = 0; ; attempt += 1) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (attempt === 200) throw error;
      await sleep(50);
    }
  }
}

/** An empty database; `client` is connected to it. */
export async function createDatabase() {
  const external = process.env.TEST_DATABASE_URL;
  const server = external ? undefined : await startServer();
  const admin = external ?? server?.url ?? '';
  const name = `stockroom_test_${randomBytes(6).toString('hex')}`;
  await execute(admin, `CREATE DATABASE ${name}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return {
    url: url.href,
    client,
    async remove() {
      await client.end();
      await execute(admin, `DROP DATABASE ${name} WITH (FORCE)`);
      await server?.remove();
    },
  };
}

/**
 * @param {string} url
 * @param {string} sql
 */
export async function execute(url, sql) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}
