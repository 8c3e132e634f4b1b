import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createDatabase } from './support/postgres.js';
import { run } from './support/processes.js';
import { urlWithPassword } from './url-with-password.js';

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

describe('migrate', () => {
  /** @type {Awaited<ReturnType<typeof createDatabase>>} */
  let database;
  /** @type {string} */
  let directory;

  before(async () => {
    database = await createDatabase();
  });
  after(() => database.remove());
  beforeEach(async () => {
    await database.client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    directory = mkdtempSync(join(tmpdir(), 'stockroom-migrations-'));
    cpSync(MIGRATIONS, directory, { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /**
   * @param {string[]} args
   * @param {Record<string, string>} [env]
   */
  const migrate = (args, env = {}) =>
    run(['scripts/migrate.js', ...args], { DATABASE_URL: database.url, MIGRATIONS_DIR: directory, ...env });

  /** @param {string[]} args */
  const migrated = async (...args) => {
    const { code, stdout, stderr } = await migrate(args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };

  /** Columns, constraints and indexes as text: what a migration may change. */
  const schema = async () => {
    const { rows } = await database.client.query(`
      SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line
        FROM information_schema.columns WHERE table_schema = 'public'
      UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
      UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace ORDER BY 1`);
    return rows.map(({ line }) => line);
  };

  it('goes up, all the way down and up again to the same schema', async () => {
    const up = await migrated('up');
    assert.deepEqual([up.current, up.applied.length, up.pending.length, up.ran.length], [4, 4, 0, 4]);
    const first = await schema();
    const down = await migrated('down', '--to', '0');
    assert.deepEqual([down.current, down.applied, down.pending.length], [0, [], 4]);
    assert.deepEqual(
      (await schema()).filter((line) => !line.includes('schema_migrations') && !/^PRIMARY KEY/.test(line)),
      [],
    );
    await migrated('up');
    assert.deepEqual(await schema(), first);
  });

  it('goes to a number, and back by one', async () => {
    assert.equal((await migrated('up', '--to', '3')).current, 3);
    assert.equal((await migrated('up', '--to', '2')).current, 3);
    assert.equal((await migrated('down')).current, 2);
    assert.equal((await migrated('up')).current, 4);
    assert.deepEqual((await migrated('up')).ran, []);
  });

  it('reads the status of a database that was never migrated without changing it', async () => {
    const status = await migrated('status');
    assert.deepEqual([status.current, status.applied, status.pending.length], [0, [], 4]);
    assert.deepEqual(await schema(), []);
  });

  it('leaves nothing of a migration that fails half-way, and keeps those before it', async () => {
    writeFileSync(join(directory, '0005_bad.up.sql'), 'CREATE TABLE half (id integer); SELECT 1/0;');
    writeFileSync(join(directory, '0005_bad.down.sql'), 'DROP TABLE half;');
    const { code, stderr } = await migrate(['up']);
    assert.equal(code, 1);
    assert.match(stderr, /0005_bad\.up\.sql failed and was rolled back: division by zero/);
    const status = await migrated('status');
    assert.deepEqual([status.current, status.pending], [4, [{ version: 5, name: 'bad' }]]);
    assert.ok(!(await schema()).some((line) => line.startsWith('half')));
  });

  it('gives up on a table that somebody holds, in the time it was given', async () => {
    await migrated('up', '--to', '3');
    await database.client.query('BEGIN; LOCK TABLE products IN ACCESS SHARE MODE');
    try {
      const { code, stderr } = await migrate(['up'], { LOCK_TIMEOUT_MS: '100' });
      assert.equal(code, 1);
      assert.match(stderr, /0004_product_search\.up\.sql failed and was rolled back: .*lock timeout/);
    } finally {
      await database.client.query('ROLLBACK');
    }
    assert.equal((await migrated('status')).current, 3);
  });

  it('runs once where several start it at the same moment', async () => {
    const results = await Promise.all([migrate(['up']), migrate(['up']), migrate(['up'])]);
    assert.deepEqual(
      results.map(({ code }) => code),
      [0, 0, 0],
    );
    const ran = results.flatMap(({ stdout }) => JSON.parse(stdout).ran);
    assert.equal(ran.length, 4);
  });

  it('says so when another migration holds the lock for too long', async () => {
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    try {
      await other.query('SELECT pg_advisory_lock(7305118)');
      const { code, stderr } = await migrate(['up'], { LOCK_TIMEOUT_MS: '100' });
      assert.equal(code, 1);
      assert.match(stderr, /Another migration is running/);
    } finally {
      await other.end();
    }
  });

  it('refuses a script that was changed after it ran', async () => {
    await migrated('up');
    writeFileSync(join(directory, '0002_stock_levels.up.sql'), 'SELECT 1;');
    const { code, stderr } = await migrate(['status']);
    assert.equal(code, 1);
    assert.match(stderr, /migration 2 \(stock_levels\).*changed after it ran/);
  });

  it('refuses a migration without its other half, a gap, and a stray name', async () => {
    writeFileSync(join(directory, '0005_more.up.sql'), 'SELECT 1;');
    assert.match((await migrate(['status'])).stderr, /0005_more\.down\.sql is missing/);
    rmSync(join(directory, '0005_more.up.sql'));
    writeFileSync(join(directory, '0006_gap.up.sql'), 'SELECT 1;');
    assert.match((await migrate(['status'])).stderr, /0006_gap should be number 5/);
    rmSync(join(directory, '0006_gap.up.sql'));
    writeFileSync(join(directory, 'notes.sql'), 'SELECT 1;');
    assert.match((await migrate(['status'])).stderr, /notes\.sql is not named/);
  });

  it('explains wrong arguments and a database that is not there', async () => {
    for (const args of [[], ['sideways'], ['up', '--to'], ['up', '--to', 'x'], ['status', '--to', '1']]) {
      const { code, stderr } = await migrate(args);
      assert.equal(code, 2);
      assert.match(stderr, /Usage:/);
    }
    assert.match((await migrate(['up', '--to', '99'])).stderr, /There is no migration 99/);
    const absent = await migrate(['status'], { DATABASE_URL: urlWithPassword('postgres://127.0.0.1:1/b', 'canary') });
    assert.equal(absent.code, 1);
    assert.match(absent.stderr, /ECONNREFUSED/);
    assert.ok(!absent.stderr.includes('canary'));
  });
});
