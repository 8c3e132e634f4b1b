import type { Client, ClientConfig } from 'pg';
import { fail, ProblemError } from '../evidence/problem.ts';
import type { Address } from '../hosts/host.ts';
import { type Environment, reach } from './environment.ts';
import { ownSecret, resolveReference } from './secrets.ts';

/** The roles that a database by Holdpoint has: its owner, the app's own, and one that may only look at statistics. */
export type DatabaseRole = 'superuser' | 'app' | 'monitoring';

const USER: Record<DatabaseRole, string> = { superuser: 'postgres', app: 'app', monitoring: 'monitoring' };
export const roleName = (role: DatabaseRole): string => USER[role];

export async function passwordOf(environment: Environment, role: DatabaseRole): Promise<string> {
  return ownSecret(environment, `postgres-${role}`);
}

/** The URL by which the app reaches its database. Holds a password: it goes into files of mode 0600 only. */
export async function databaseUrl(environment: Environment, role: DatabaseRole): Promise<string> {
  const { database, root } = environment.app;
  if (database?.managed.kind === 'by-url')
    return resolveReference(database.managed.url, 'the URL of the database', root);
  const name = database?.name ?? 'postgres';
  const address = environment.runtime.place.address('postgres', environment.ports.postgres);
  return `postgresql://${USER[role]}:${await passwordOf(environment, role)}@${address}/${name}`;
}

/** `unit` and `port`: another server than the environment's own, a restored copy for instance. */
export type DatabaseTarget = { readonly unit?: string; readonly port?: number; readonly database?: string };

type Login = { readonly address: Address } & Pick<ClientConfig, 'user' | 'password' | 'database' | 'ssl'>;

async function loginOf(environment: Environment, role: DatabaseRole, target: DatabaseTarget): Promise<Login> {
  const { app } = environment;
  if (app.database?.managed.kind === 'by-url' && target.unit === undefined) return foreignLogin(environment, target);
  const unit = target.unit ?? 'postgres';
  const port = target.port ?? environment.ports.postgres;
  const address = await reach(environment, unit, port);
  if (address === undefined)
    return fail({
      kind: 'app',
      what: `the database of ${environment.name} cannot be reached: the unit ${unit} does not run`,
      where: environment.name,
      next: 'look at its last lines with `holdpoint logs`',
    });
  const password = await passwordOf(environment, role);
  return { address, user: USER[role], password, database: target.database ?? app.database?.name ?? 'postgres' };
}

/** Whatever the role: of somebody else's database only the login is known that the app itself has. */
async function foreignLogin(environment: Environment, target: DatabaseTarget): Promise<Login> {
  const text = await databaseUrl(environment, 'app');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol))
    return fail({
      kind: 'input',
      what: 'the URL of the database is none of Postgres',
      where: 'holdpoint.yaml: database.url',
      next: 'let the reference lead to postgresql://user:password@host:port/database',
    });
  const tls = url.searchParams.get('sslmode') ?? 'prefer';
  return {
    address: { host: url.hostname, port: Number(url.port || 5432) },
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: target.database ?? decodeURIComponent(url.pathname.slice(1)),
    ...(tls === 'disable' || tls === 'prefer' || tls === 'allow'
      ? {}
      : { ssl: { rejectUnauthorized: tls.startsWith('verify') } }),
  };
}

/** Connects, works, disconnects. A database that cannot be reached is a Problem that names host and port alone. */
export async function withDatabase<T>(
  environment: Environment,
  role: DatabaseRole,
  work: (client: Client) => Promise<T>,
  target: DatabaseTarget = {},
): Promise<T> {
  const { address, ...login } = await loginOf(environment, role, target);
  // Loaded by the first connection: a plan that is only printed must not wait for it.
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    ...login,
    connectionTimeoutMillis: 5_000,
    application_name: 'holdpoint',
  });
  // A server that goes away while nobody waits for it must not end the process; the next query reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    throw new ProblemError(
      {
        kind: 'app',
        what: `the database of ${environment.name} cannot be reached: ${(cause as Error).message}`,
        where: `${address.host}:${address.port}`,
        next: `look at \`holdpoint logs\` and whether the unit postgres runs`,
      },
      { cause },
    );
  }
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
