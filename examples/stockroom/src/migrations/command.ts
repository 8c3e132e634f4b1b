import pg from 'pg';
import { errorFields } from '../log.ts';
import { databaseUrl, type Environment, integerSetting, SettingError } from '../settings.ts';
import { readMigrations } from './migration-files.ts';
import { migrate, readStatus } from './migrator.ts';

const USAGE = 'Usage: node scripts/migrate.js up|down|status [--to N]';

class UsageError extends Error {}

/** Prints one JSON object; resolves with the exit status: 0 done, 1 failed, 2 unusable arguments or settings. */
export async function migrateCommand(args: readonly string[], env: Environment): Promise<number> {
  try {
    const { action, to } = parseArguments(args);
    const directory = env.MIGRATIONS_DIR ? new URL(`file://${env.MIGRATIONS_DIR}/`) : undefined;
    const migrations = readMigrations(directory ?? new URL('../../migrations/', import.meta.url));
    const lockTimeoutMs = integerSetting(env, 'LOCK_TIMEOUT_MS', { fallback: 3_000, min: 1, max: 600_000 });
    const client = new pg.Client({
      connectionString: databaseUrl(env),
      application_name: 'stockroom-migrate',
      connectionTimeoutMillis: 5_000,
    });
    await client.connect();
    try {
      const ran = action === 'status' ? undefined : await migrate(client, migrations, action, to, lockTimeoutMs);
      const status = await readStatus(client, migrations);
      process.stdout.write(`${JSON.stringify(ran === undefined ? status : { ran, ...status }, null, 2)}\n`);
    } finally {
      await client.end();
    }
    return 0;
  } catch (error) {
    process.stderr.write(`migrate: ${String(errorFields(error).error) || 'the database cannot be reached'}\n`);
    if (error instanceof UsageError) process.stderr.write(`${USAGE}\n`);
    return error instanceof UsageError || error instanceof SettingError ? 2 : 1;
  }
}

type Action = 'up' | 'down' | 'status';

function parseArguments(args: readonly string[]): { action: Action; to: number | undefined } {
  const [action, flag, version, ...rest] = args;
  if (action !== 'up' && action !== 'down' && action !== 'status') throw new UsageError('say up, down or status');
  if (flag === undefined) return { action, to: undefined };
  if (action === 'status' || flag !== '--to' || rest.length > 0 || !/^\d{1,4}$/.test(version ?? '')) {
    throw new UsageError(`cannot use ${args.slice(1).join(' ')}`);
  }
  return { action, to: Number(version) };
}
