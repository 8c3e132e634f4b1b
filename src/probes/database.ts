import { readFile } from 'node:fs/promises';
import type { Client, ClientConfig } from 'pg';
import { errorText } from './exchange.ts';

/** What a look at somebody else's Postgres found. Nothing was written, locked or set there. */
export type DatabaseObservation =
  | { readonly kind: 'seen'; readonly seen: SeenDatabase }
  /** Nobody can connect: it is not there, does not answer, or has no connection left. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** It may be well: this look was not let in, or did not come to an end. */
  | { readonly kind: 'cannot tell'; readonly reason: string };

export type SeenDatabase = {
  /** `15.6` */
  readonly version: string;
  /** How this look went to it: `socket` needs no TLS. */
  readonly line: 'tls' | 'plain' | 'socket';
  /** Of all databases of the server. */
  readonly connections: number;
  readonly mostConnections: number;
  readonly isStandby: boolean;
  /** Standbys that stream from it and show. What a provider copies below the database does not. */
  readonly replicas: number;
  readonly role: SeenRole;
};

export type SeenRole = {
  readonly name: string;
  /** Tables of the database, and those among them that the role could change. */
  readonly tables: number;
  readonly writableTables: number;
  /** Beyond tables: `is a superuser`, `may create tables in schema public`. */
  readonly powers: readonly string[];
};

export type DatabaseLook = {
  /** `postgresql://user:password@host:port/database?sslmode=…`; never part of what is returned. */
  readonly url: string;
  readonly timeoutMs: number;
};

/** Before any of our statements: whatever they were, the server would refuse to write. */
const READ_ONLY = '-c default_transaction_read_only=on';

/**
 * Looks at a Postgres by a role that may read: one connection, one read-only transaction of SELECTs on the catalogue and
 * the statistics, rolled back. The session is told to be read-only in the connection's first packet, and the transaction
 * once more, because a pooler may drop the first.
 */
export async function observeDatabase({ url, timeoutMs }: DatabaseLook): Promise<DatabaseObservation> {
  const login = await loginOf(url);
  if ('reason' in login) return { kind: 'cannot tell', reason: login.reason };
  const connected = await connect(login, timeoutMs);
  if (connected.kind !== 'connected') return connected;
  const { client, line } = connected;
  try {
    await client.query('BEGIN TRANSACTION READ ONLY');
    // For this transaction alone: behind a pooler the session is somebody else's the moment after.
    await client.query(`SET LOCAL statement_timeout = ${Math.round(timeoutMs)}`);
    const seen = await look(client, line);
    await client.query('ROLLBACK');
    return { kind: 'seen', seen };
  } catch (thrown) {
    return { kind: 'cannot tell', reason: errorText(thrown) };
  } finally {
    // What was seen has been seen; a server that is gone by now changes nothing of it.
    await client.end().catch(() => undefined);
  }
}

type Login = Pick<ClientConfig, 'host' | 'port' | 'user' | 'password' | 'database'> & { readonly tls: Tls };

/** As libpq's sslmode has it: `allow` and `prefer` take what there is. */
type Tls =
  | { readonly kind: 'never' }
  | { readonly kind: 'if offered' }
  | { readonly kind: 'always' }
  /** @property ca PEM; absent: the authorities that Node trusts */
  | { readonly kind: 'verified'; readonly ca: string | undefined };

async function loginOf(text: string): Promise<Login | { readonly reason: string }> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol))
    return { reason: 'its URL is none of Postgres: postgresql://user:password@host:port/database' };
  const named = url.searchParams.get('host') ?? decodeURIComponent(url.hostname);
  const host = named === '' ? '127.0.0.1' : named;
  const tls = await tlsOf(url.searchParams, host);
  if ('reason' in tls) return tls;
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.searchParams.get('port') ?? (url.port || 5432)),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    tls,
  };
}

async function tlsOf(parameters: URLSearchParams, host: string): Promise<Tls | { readonly reason: string }> {
  const mode = parameters.get('sslmode') ?? 'prefer';
  if (host.startsWith('/') || mode === 'disable') return { kind: 'never' };
  if (mode === 'require' || mode === 'no-verify') return { kind: 'always' };
  if (!mode.startsWith('verify-')) return { kind: 'if offered' };
  const file = parameters.get('sslrootcert');
  if (file === null || file === 'system') return { kind: 'verified', ca: undefined };
  try {
    return { kind: 'verified', ca: await readFile(file, 'utf8') };
  } catch {
    return { reason: `the file of its sslrootcert cannot be read: ${file}` };
  }
}

type Connected = { readonly kind: 'connected'; readonly client: Client; readonly line: SeenDatabase['line'] };
type Way = { readonly tls: boolean; readonly options: string | undefined };

/** TLS first where it may be either, and without the first packet's option where a pooler does not know it. */
async function connect(login: Login, timeoutMs: number): Promise<Connected | DatabaseObservation> {
  let way: Way = { tls: login.tls.kind !== 'never', options: READ_ONLY };
  for (;;) {
    const client = await clientFor(login, way, timeoutMs);
    try {
      await client.connect();
      return { kind: 'connected', client, line: way.tls ? 'tls' : login.host?.startsWith('/') ? 'socket' : 'plain' };
    } catch (thrown) {
      // It never came to a connection; why is told below.
      await client.end().catch(() => undefined);
      const next = otherWay(way, login.tls, errorText(thrown));
      if (next === undefined) return refusal(thrown);
      way = next;
    }
  }
}

function otherWay(way: Way, tls: Tls, reason: string): Way | undefined {
  if (way.tls && tls.kind === 'if offered' && /does not support SSL/i.test(reason)) return { ...way, tls: false };
  if (way.options !== undefined && /unsupported startup parameter/i.test(reason)) return { ...way, options: undefined };
  return undefined;
}

async function clientFor({ tls, ...login }: Login, way: Way, timeoutMs: number): Promise<Client> {
  // Loaded by the first look: a plan that is only printed must not wait for it.
  const { default: pg } = await import('pg');
  const ca = tls.kind === 'verified' && tls.ca !== undefined ? { ca: tls.ca } : {};
  const client = new pg.Client({
    ...login,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: 2 * timeoutMs,
    application_name: 'holdpoint (observes)',
    ssl: way.tls ? { rejectUnauthorized: tls.kind === 'verified', ...ca } : false,
    ...(way.options === undefined ? {} : { options: way.options }),
  });
  // A server that goes away while nobody waits for it must not end the process; the next query reports it.
  client.on('error', () => undefined);
  return client;
}

/** SQLSTATE classes 53 (no resources left, connections among them) and 57P (it starts, stops or was stopped). */
const NOT_SERVING = /^(53|57P)/;
const NOT_THERE = /^(ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ENOENT)$/;

function refusal(thrown: unknown): DatabaseObservation {
  const reason = errorText(thrown);
  const code = codeOf(thrown);
  if (NOT_THERE.test(code) || NOT_SERVING.test(code) || /timeout expired|terminated unexpectedly/.test(reason))
    return { kind: 'unreachable', reason };
  return { kind: 'cannot tell', reason };
}

/** Several addresses of one name fail together: the first says why. */
function codeOf(thrown: unknown): string {
  const error: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : '';
}

const SERVER = `SELECT current_setting('server_version') AS version,
  current_setting('max_connections')::int AS most,
  pg_is_in_recovery() AS standby,
  (SELECT coalesce(sum(numbackends), 0)::int FROM pg_stat_database) AS connections,
  (SELECT count(*)::int FROM pg_stat_replication) AS replicas`;

const ROLE = `SELECT rolname::text AS name, rolsuper AS superuser, rolcreaterole AS roles, rolcreatedb AS databases,
  has_database_privilege(current_database(), 'CREATE') AS schemas
  FROM pg_roles WHERE rolname = current_user`;

const ITS_OWN = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

const TABLES = `SELECT count(*)::int AS tables,
  count(*) FILTER (WHERE has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    OR has_any_column_privilege(c.oid, 'INSERT, UPDATE'))::int AS writable
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND ${ITS_OWN}`;

const SCHEMAS = `SELECT n.nspname::text AS name FROM pg_namespace n
  WHERE ${ITS_OWN} AND has_schema_privilege(n.oid, 'CREATE') ORDER BY 1`;

async function look(client: Client, line: SeenDatabase['line']): Promise<SeenDatabase> {
  const server = await one<ServerRow>(client, SERVER);
  const role = await one<RoleRow>(client, ROLE);
  const tables = await one<{ tables: number; writable: number }>(client, TABLES);
  const schemas = await client.query<{ name: string }>(SCHEMAS);
  return {
    version: server.version,
    line,
    connections: server.connections,
    mostConnections: server.most,
    isStandby: server.standby,
    replicas: server.replicas,
    role: {
      name: role.name,
      tables: tables.tables,
      writableTables: tables.writable,
      powers: [
        ...(role.superuser ? ['is a superuser'] : []),
        ...(role.roles ? ['may create roles'] : []),
        ...(role.databases ? ['may create databases'] : []),
        ...(role.schemas ? ['may create schemas'] : []),
        ...schemas.rows.map(({ name }) => `may create tables in schema ${name}`),
      ],
    },
  };
}

type ServerRow = { version: string; most: number; standby: boolean; connections: number; replicas: number };
type RoleRow = { name: string; superuser: boolean; roles: boolean; databases: boolean; schemas: boolean };

async function one<Row extends object>(client: Client, query: string): Promise<Row> {
  const { rows } = await client.query<Row>(query);
  const [first] = rows;
  if (first === undefined) throw new Error('the catalogue gave no row');
  return first;
}
