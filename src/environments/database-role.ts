import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { passwordOf, roleName, withDatabase } from './database-access.ts';
import type { Environment } from './environment.ts';

const ITERATIONS = 4_096;

/**
 * What Postgres keeps of a password under SCRAM-SHA-256 (RFC 5803). Sent instead of the password, which so appears in no
 * statement, log or statistics view.
 */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, ITERATIONS, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}

/** Makes the app's database with its owner, and a role that may only look at statistics. Leaves what is there alone. */
export async function ensureRolesAndDatabase(environment: Environment): Promise<void> {
  const { database } = environment.app;
  if (!database) return;
  await withDatabase(
    environment,
    'superuser',
    async (client) => {
      await ensureRole(client, roleName('app'), await passwordOf(environment, 'app'));
      await ensureRole(client, roleName('monitoring'), await passwordOf(environment, 'monitoring'));
      await client.query(`GRANT pg_monitor TO ${client.escapeIdentifier(roleName('monitoring'))}`);
      const there = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database.name]);
      if (there.rowCount === 0)
        await client.query(
          `CREATE DATABASE ${client.escapeIdentifier(database.name)} OWNER ${client.escapeIdentifier(roleName('app'))}`,
        );
    },
    { database: 'postgres' },
  );
}

async function ensureRole(client: Client, name: string, password: string): Promise<void> {
  const there = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name]);
  if (there.rowCount !== 0) return;
  await client.query(
    `CREATE ROLE ${client.escapeIdentifier(name)} LOGIN PASSWORD ${client.escapeLiteral(scramVerifier(password))}`,
  );
}
