import { createDatabase } from './postgres.js';
import { run } from './processes.js';

/** A migrated and seeded database. */
export async function createStockroom() {
  const database = await createDatabase();
  const env = { DATABASE_URL: database.url };
  for (const args of [['scripts/migrate.js', 'up'], ['scripts/seed.js']]) {
    const { code, stderr } = await run(args, env);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
  }
  return { ...database, env };
}
