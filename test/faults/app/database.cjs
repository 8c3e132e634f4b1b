/** `node database.cjs up | down | seed`: the one table of the app, and a thousand letters. */
const { readFileSync } = require('node:fs');
const { Client } = require('pg');

const STATEMENTS = {
  up: 'CREATE TABLE IF NOT EXISTS letters (key text PRIMARY KEY, posted timestamptz NOT NULL DEFAULT now())',
  down: 'DROP TABLE letters',
  seed: "INSERT INTO letters (key) SELECT 'sample-' || n FROM generate_series(1, 1000) AS n ON CONFLICT DO NOTHING",
};

function planted() {
  try {
    return JSON.parse(readFileSync(readFileSync(`${__dirname}/faults-file`, 'utf8').trim(), 'utf8'));
  } catch {
    return {};
  }
}

/** What the service `office` has is there for the commands of its database, too: an app reads its settings at start. */
function requireSettings() {
  const missing = ['FAULTS', 'REDIS_URL', 'SEAL'].filter((name) => !process.env[name] && !process.env[`${name}_FILE`]);
  if (missing.length > 0) throw new Error(`not handed over: ${missing.join(', ')}`);
}

async function main(name) {
  requireSettings();
  if (planted().migration === name) throw new Error(`${name} was made to fail`);
  const client = new Client({ connectionString: readFileSync(process.env.DATABASE_URL_FILE, 'utf8').trim() });
  await client.connect();
  await client.query(STATEMENTS[name]);
  await client.end();
}

main(process.argv[2]).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
