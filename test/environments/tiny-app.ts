import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { App, Service } from '../../src/config/app.ts';
import { mebibytes, seconds } from '../../src/evidence/units.ts';
import { sampleApp } from '../sample-app.ts';

/**
 * A tiny app whose every move a test can steer: web instances that say which release they are and are ready unless a file
 * says otherwise (one called `abrupt` takes its time, and exits at once when told to stop), and agents that take jobs from a table without a transaction around the work, so that one that is cut
 * off loses the job it has in hand.
 */

/** A file of this name in the volume `switches` makes a release's instances not ready. */
export const closedFile = (release: string): string => `closed-${release}`;
export const SWITCHES = 'switches';

const WEB = `
const { readFileSync, existsSync } = require('node:fs');
const release = readFileSync('release', 'utf8');
const server = require('node:http').createServer((request, answer) => {
  request.resume();
  const takes = release === 'abrupt' ? 300 : 5;
  if (request.url !== '/ready') return setTimeout(() => answer.end(release + ' on ' + process.env.PORT), takes);
  const closed = existsSync(process.env.SWITCHES + '/closed-' + release);
  answer.statusCode = closed ? 503 : 200;
  answer.end(closed ? 'not ready' : 'ready');
});
server.listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => {
  if (release === 'abrupt') process.exit(0);
  server.close(() => process.exit(0));
  setInterval(() => server.closeIdleConnections(), 20);
});
`;

const AGENT = `
const { readFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { Pool } = require('pg');
const release = readFileSync('release', 'utf8');
const pool = new Pool({ connectionString: readFileSync(process.env.DATABASE_URL_FILE, 'utf8'), max: 4 });
const TAKE = "UPDATE jobs SET state = 'taken' WHERE id = (SELECT id FROM jobs WHERE state = 'waiting' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id";
let stopping = false;
async function work() {
  while (!stopping) {
    const { rows } = await pool.query(TAKE);
    if (rows.length === 0) { await sleep(10); continue; }
    await sleep(100);
    await pool.query('INSERT INTO done (job, release) VALUES ($1, $2)', [rows[0].id, release]);
  }
}
process.on('SIGTERM', () => { stopping = true; });
Promise.all([work(), work(), work(), work()]).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
require('node:http').createServer((request, answer) => answer.end('ready')).listen(process.env.PORT, '127.0.0.1');
`;

/** The tables that agents work on. */
export const TABLES = `
CREATE TABLE jobs (id serial PRIMARY KEY, state text NOT NULL DEFAULT 'waiting');
CREATE TABLE done (job int NOT NULL, release text NOT NULL, at timestamptz NOT NULL DEFAULT now());
`;

/** What a build is: it installs the one package that the agents need, from where the tests have it. */
const BUILD = (modules: string) => `
const { cpSync, readFileSync } = require('node:fs');
const seen = new Set();
function install(name) {
  if (seen.has(name)) return;
  seen.add(name);
  const from = ${JSON.stringify(modules)} + '/' + name;
  cpSync(from, 'node_modules/' + name, { recursive: true, dereference: true });
  const { dependencies } = JSON.parse(readFileSync(from + '/package.json', 'utf8'));
  for (const needed of Object.keys(dependencies ?? {})) install(needed);
}
install('pg');
`;

/** Writes the source of a release that calls itself `release`. */
export async function writeSource(folder: string, release: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const modules = dirname(dirname(createRequire(import.meta.url).resolve('pg/package.json')));
  const files = { 'web.cjs': WEB, 'agent.cjs': AGENT, 'build.cjs': BUILD(modules), release };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
}

const expectation = (path: string, contains: string) => ({
  name: path,
  method: 'GET' as const,
  path,
  headers: {},
  body: undefined,
  status: 200,
  contentType: undefined,
  contains,
});

const service = (name: string, kind: Service['kind'], changes: Partial<Service> = {}): Service => ({
  name,
  kind,
  paths: kind === 'web' ? 'rest' : [],
  source: { kind: 'tree' },
  command: ['node', `${name}.cjs`],
  instances: 2,
  portVariable: 'PORT',
  hostVariable: 'HOST',
  port: undefined,
  environment: {},
  addresses: [],
  health: undefined,
  readiness: expectation('/ready', 'ready'),
  readyWithin: seconds(60),
  metricsPath: undefined,
  golden: undefined,
  stop: { signal: 'SIGTERM', drain: seconds(10) },
  memory: mebibytes(256),
  volumes: [],
  ...changes,
});

/** @param root folder of the source; @param firstPort of a hundred free ones */
export function tinyApp(root: string, firstPort: number, instances: { web?: number; agent?: number } = {}): App {
  const { web = 2, agent = 2 } = instances;
  return {
    ...sampleApp(),
    name: 'tiny',
    root,
    build: [['node', 'build.cjs']],
    services: [
      service('web', 'web', {
        instances: web,
        volumes: [{ name: SWITCHES, variable: 'SWITCHES', file: undefined }],
      }),
      service('agent', 'agent', { instances: agent }),
    ],
    environments: {
      production: {
        hostname: 'tiny.test',
        httpsPort: firstPort + 99,
        firstPort,
        host: { kind: 'local' },
        runtime: 'process',
      },
      staging: undefined,
    },
  };
}
