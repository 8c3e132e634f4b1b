import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { fail, type Problem } from '../evidence/problem.ts';
import { writeDurably } from '../ledger/durable-file.ts';
import { openEmbeddedPostgres } from './embedded-postgres.ts';
import { OWNER } from './postgres-cluster.ts';
import { serviceUser } from './service-user.ts';
import type { StateDirectory } from './state-directory.ts';

/** The Postgres that holds the ledger and the workflows, embedded or by URL. */
export type ControlDatabase = {
  readonly kind: 'embedded' | 'given';
  /** For node-postgres. Holds the password: never print it. */
  readonly connection: pg.PoolConfig;
  /** The same as a URL, for libraries that take nothing else. Holds the password: never print it. */
  readonly url: string;
  /** For people: which server, without secrets. */
  readonly description: string;
  /** Whether the embedded server was started or adopted. */
  readonly how: 'started' | 'adopted' | 'given';
  /** Why it is down at the moment, as far as this process knows; undefined while it is up. */
  down(): Problem | undefined;
  /** Stops an embedded server; somebody else's is left alone. */
  stop(): Promise<void>;
};

export type ControlDatabaseOptions = {
  readonly state: StateDirectory;
  /** A file (mode 0600) that holds the URL of a Postgres; absent: the embedded one. */
  readonly urlFile?: string | undefined;
  readonly log: (line: string) => void;
};

const DATABASE = 'holdpoint';

/**
 * Opens the control database.
 *
 * @throws ProblemError `host` where it cannot be started or reached, `input` where the URL is no URL
 */
export const openControlDatabase = (options: ControlDatabaseOptions): Promise<ControlDatabase> =>
  options.urlFile === undefined ? embedded(options) : given(options.urlFile);

async function embedded({ state, log }: ControlDatabaseOptions): Promise<ControlDatabase> {
  const password = await passwordOf(state);
  const server = await openEmbeddedPostgres({
    directory: state.database,
    logFile: join(state.logs, 'postgres.log'),
    password,
    user: serviceUser(),
    log,
  });
  const connection = { host: server.socketDirectory, port: server.port, user: OWNER, password, database: DATABASE };
  await makeDatabase({ ...connection, database: 'postgres' });
  return {
    kind: 'embedded',
    connection,
    url: `postgresql://${OWNER}:${encodeURIComponent(password)}@localhost:${server.port}/${DATABASE}?host=${encodeURIComponent(server.socketDirectory)}`,
    description: `embedded Postgres in ${state.database}`,
    how: server.how,
    down: server.down,
    stop: server.stop,
  };
}

/** Written before the database is made, so that there is never a database whose password nobody knows. */
async function passwordOf(state: StateDirectory): Promise<string> {
  const file = join(state.keys, 'database-password');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  if (existsSync(join(state.database, 'data')))
    return fail({
      kind: 'host',
      what: 'the password of the control database is missing',
      where: file,
      next: 'restore keys/ from the backup that belongs to this state directory',
    });
  const password = randomBytes(32).toString('base64url');
  await writeDurably(file, `${password}\n`, 0o600);
  return password;
}

async function makeDatabase(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

async function given(urlFile: string): Promise<ControlDatabase> {
  const url = readUrl(urlFile);
  const { host, pathname } = new URL(url);
  const description = `Postgres at ${host}${pathname}`;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
  } catch (thrown) {
    fail({
      kind: 'host',
      what: `the Postgres that was given does not answer: ${thrown instanceof Error ? thrown.message : 'unknown'}`,
      where: description,
      next: `look whether it runs, and at the URL in ${urlFile}`,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
  return {
    kind: 'given',
    connection: { connectionString: url },
    url,
    description,
    how: 'given',
    down: () => undefined,
    stop: async () => undefined,
  };
}

function readUrl(urlFile: string): string {
  let url: string;
  try {
    url = readFileSync(urlFile, 'utf8').trim();
  } catch {
    return fail({
      kind: 'input',
      what: 'the file with the URL of the database cannot be read',
      where: urlFile,
      next: 'write the URL (postgresql://user:password@host:5432/name) into it, mode 0600',
    });
  }
  // The URL itself holds a password and must not stand in a message.
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url) || new URL(url).pathname.length < 2)
    return fail({
      kind: 'input',
      what: 'the file does not hold the URL of a Postgres database',
      where: urlFile,
      next: 'write one line: postgresql://user:password@host:5432/name',
    });
  return url;
}
