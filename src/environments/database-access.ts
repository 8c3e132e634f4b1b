import type { Client } from 'pg';
import { ProblemError } from '../evidence/problem.ts';
import type { Environment } from './environment.ts';
import { ownSecret } from './secrets.ts';

/** The roles that a database by Holdpoint has: its owner, the app's own, and one that may only look at statistics. */
export type DatabaseRole = 'superuser' | 'app' | 'monitoring';

const USER: Record<DatabaseRole, string> = { superuser: 'postgres', app: 'app', monitoring: 'monitoring' };
export const roleName = (role: DatabaseRole): string => USER[role];

export async function passwordOf(environment: Environment, role: DatabaseRole): Promise<string> {
  return ownSecret(environment, `postgres-${role}`);
}

/** The URL by which the app reaches its database. Holds a password: it goes into files of mode 0600 only. */
export async function databaseUrl(
  environment: Environment,
  role: DatabaseRole,
  port = environment.ports.postgres,
): Promise<string> {
  const name = environment.app.database?.name ?? 'postgres';
  return `postgresql://${USER[role]}:${await passwordOf(environment, role)}@127.0.0.1:${port}/${name}`;
}

export type DatabaseTarget = { readonly port?: number; readonly database?: string };

/** Connects, works, disconnects. A database that cannot be reached is a Problem that names host and port alone. */
export async function withDatabase<T>(
  environment: Environment,
  role: DatabaseRole,
  work: (client: Client) => Promise<T>,
  target: DatabaseTarget = {},
): Promise<T> {
  const port = target.port ?? environment.ports.postgres;
  // Loaded by the first connection: a plan that is only printed must not wait for it.
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: USER[role],
    password: await passwordOf(environment, role),
    database: target.database ?? environment.app.database?.name ?? 'postgres',
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
        where: `127.0.0.1:${port}`,
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
