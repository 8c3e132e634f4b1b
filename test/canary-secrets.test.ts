import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { portState } from '../src/hosts/ports.ts';
import { findSecret, type KnownSecret } from '../src/ledger/secret-search.ts';
import { findResident } from '../src/server/start.ts';

// By its path: the resident process is started in another folder.
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const CHECKOUT = dirname(dirname(fileURLToPath(import.meta.url)));
const canary = (name: string): KnownSecret => ({ name, value: `canary${randomBytes(18).toString('hex')}` });

/** What a team would hand over, and what its users would send: none of it is ours to repeat. */
const GIVEN = {
  file: canary('secret by file'),
  env: canary('secret by environment variable'),
  hook: canary('token in the address of a webhook'),
  body: canary('body of a request'),
  header: canary('authorization header of a request'),
};

/** Files that exist to hand a secret over. Everything else must be free of every secret. */
const HOLDERS: readonly RegExp[] = [
  /^environments\/[^/]+\/secrets\/[\w-]+$/,
  /^escrow\/[^/]+\/[\w-]+$/,
  /^environments\/[^/]+\/handed-over\/(database-url|cache-url|secret-[\w-]+|webhook-url)-[0-9a-f]{12}$/,
  /^environments\/[^/]+\/runtime\/stores\/handover-[\w-]+\/(database-url|cache-url|secret-[\w-]+)$/,
  /^environments\/[^/]+\/runtime\/stores\/pgbackrest-live\/[\w.-]+$/,
  /^environments\/[^/]+\/runtime\/stores\/postgres-config\/[\w.-]+$/,
  /^environments\/[^/]+\/runtime\/stores\/(alertmanager|postgres-exporter)[\w-]*\/[\w.-]+$/,
];
/** What the app itself prints is the app's: it is kept where it was printed, and goes nowhere else. */
const OWN_LOGS = /^environments\/[^/]+\/runtime\/units\/web-(blue|green)-1\/log$/;

// A service that does everything wrong with its secrets: it prints them, and what it is sent.
const APP = `
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { DATABASE_URL, FROM_FILE_FILE, FROM_ENV, MADE_FILE } = process.env;
console.log('I know', DATABASE_URL, readFileSync(FROM_FILE_FILE, 'utf8'), FROM_ENV, readFileSync(MADE_FILE, 'utf8'));
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  if (body !== '') console.log('I was sent', body, request.headers.authorization);
  const known = { '/': ['text/html', '<h1>Canaries</h1>'], '/healthz': ['text/plain', 'alive'] }[request.url];
  response.writeHead(known ? 200 : 404, {
    'content-type': known ? known[0] : 'text/plain',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  response.end(known ? known[1] : 'not here');
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
`;

// One table, so that there is something to restore. psql is told the password by the environment, not as an argument.
const MIGRATE = `
const { spawnSync } = require('node:child_process');
const { hostname, port, username, password, pathname } = new URL(process.env.DATABASE_URL);
const statements = { up: 'CREATE TABLE IF NOT EXISTS birds (name text)', down: 'DROP TABLE birds' };
const { status } = spawnSync('psql', ['--no-psqlrc', '--command', statements[process.argv[2]]], {
  stdio: 'inherit',
  env: { ...process.env, PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password, PGDATABASE: pathname.slice(1) },
});
process.exitCode = status ?? 1;
`;

const description = (root: string, first: number) => `
name: canary
services:
  web:
    command: node server.cjs
    health: { path: /healthz, contentType: text/plain, contains: alive }
database:
  as: value
  migrations: { up: node migrate.cjs up, down: node migrate.cjs down }
secrets:
  from-file: { from: "file:${root}-file-secret", as: file }
  from-env: { from: "env:CANARY_ENV", as: value }
  made: generated:32
production: { httpsPort: ${first + 100}, firstPort: ${first} }
staging: false
smoke:
  - { name: front page, path: /, contentType: text/html, contains: <h1>Canaries</h1> }
notifications:
  - webhook: env:CANARY_HOOK
`;

describe('a launch of an app that is careless with secrets', () => {
  const root = mkdtempSync('/tmp/hp-canary-');
  chmodSync(root, 0o755);
  const app = join(root, 'app');
  const state = join(root, 'state');
  const exported = join(root, 'exported');
  const hook = createServer((_request, response) => response.end());
  const commandLines = new Map<string, string>();
  let secrets: KnownSecret[] = [];
  let output = '';
  let watching = true;

  const environment = () => ({
    ...process.env,
    CANARY_ENV: GIVEN.env.value,
    CANARY_HOOK: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook/${GIVEN.hook.value}`,
  });
  const holdpoint = async (...words: string[]): Promise<number | null> => {
    const argv = ['--import', TSX, join(CHECKOUT, 'src/cli/main.ts'), ...words, '--state', state];
    const child = spawn(process.execPath, argv, { cwd: CHECKOUT, env: environment(), stdio: 'pipe' });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  };

  beforeAll(async () => {
    mkdirSync(app, { mode: 0o755 });
    writeFileSync(join(app, 'server.cjs'), APP);
    writeFileSync(join(app, 'migrate.cjs'), MIGRATE);
    writeFileSync(`${app}-file-secret`, GIVEN.file.value, { mode: 0o600 });
    const first = await freePorts();
    writeFileSync(join(app, 'holdpoint.yaml'), description(app, first));
    hook.listen(0, '127.0.0.1');
    await once(hook, 'listening');
    const watch = watchCommandLines(commandLines, () => watching);
    const sent = sendWhenLive(first + 100, () => watching);
    await holdpoint('launch', '--app', app, '--runtime', 'process', '--window', '20s', '--yes', '--json');
    secrets = [...Object.values(GIVEN), ...generatedIn(state)];
    await holdpoint('ledger', 'export', exported);
    watching = false;
    await watch;
    // Whether a window of 20 s on a busy machine shows enough is another question: it was reached, so everything was written.
    const reached = output.includes('"kind":"step-finished","step":"A.4/window"');
    expect({ reached, sent: await sent }, output.slice(-3_000)).toEqual({ reached: true, sent: true });
  }, 420_000);

  afterAll(async () => {
    watching = false;
    await holdpoint('abort');
    await holdpoint('destroy', 'production', '--app', app, '--yes-destroy', 'production', '--without-backup');
    await endResident(state);
    hook.close();
    rmSync(root, { recursive: true, force: true });
  }, 120_000);

  test('made secrets of its own, beside those that it was given', () => {
    expect(secrets.length).toBeGreaterThanOrEqual(10);
  });

  test('left every secret in its own file of mode 0600, and in no other file', { timeout: 120_000 }, () => {
    const found = filesBelow(state).flatMap((path) => {
      const name = relative(state, path);
      const content = ifThere(path);
      const secret = content && findSecret(content, secrets);
      return secret === undefined || OWN_LOGS.test(name) ? [] : [{ name, secret, mode: lstatSync(path).mode & 0o777 }];
    });
    const outside = found.filter(({ name }) => !HOLDERS.some((holder) => holder.test(name)));
    expect(outside).toEqual([]);
    expect(found.filter(({ mode }) => (mode & 0o077) !== 0)).toEqual([]);
    expect(found.length).toBeGreaterThan(5);
  });

  test('wrote none into a document, the exported ledger, or what it printed', () => {
    const files = [...filesBelow(join(app, 'launch')), ...filesBelow(exported)];
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((path) => findSecret(readFileSync(path), secrets) !== undefined)).toEqual([]);
    expect(findSecret(Buffer.from(output), secrets)).toBeUndefined();
  });

  test('handed none to a process as an argument', () => {
    const named = [...commandLines.values()];
    expect(named.some((line) => line.includes('server.cjs'))).toBe(true);
    expect(named.filter((line) => findSecret(Buffer.from(line), secrets) !== undefined)).toEqual([]);
  });
});

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Undefined for what was removed since it was listed: the throw-away environment goes while we look. */
function ifThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Keys and passwords that Holdpoint made itself. */
const generatedIn = (state: string): KnownSecret[] =>
  filesBelow(join(state, 'environments'))
    .filter((path) => dirname(path).endsWith('/secrets'))
    .map((path) => ({ name: relative(state, path), value: readFileSync(path, 'utf8').trim() }));

/** Every argument list that any process had meanwhile: a short one may be missed, none is made up. */
async function watchCommandLines(seen: Map<string, string>, goesOn: () => boolean): Promise<void> {
  while (goesOn()) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const line = readIfThere(join('/proc', pid, 'cmdline'))?.replaceAll('\0', ' ') ?? '';
      seen.set(`${pid} ${line}`, line);
    }
    await sleep(100);
  }
}

/** Sends a body and a header with canaries as soon as the front door answers. */
async function sendWhenLive(port: number, goesOn: () => boolean): Promise<boolean> {
  while (goesOn()) {
    const status = await new Promise<number>((resolve) => {
      const post = request(
        {
          port,
          host: '127.0.0.1',
          method: 'POST',
          path: '/',
          // The authority is the environment's own, and what is sent is made up.
          rejectUnauthorized: false,
          headers: { authorization: `Bearer ${GIVEN.header.value}`, cookie: `session=${GIVEN.header.value}` },
        },
        (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)),
      );
      post.on('error', () => resolve(0));
      post.end(JSON.stringify({ password: GIVEN.body.value }));
    });
    if (status === 200) return true;
    await sleep(200);
  }
  return false;
}

async function freePorts(): Promise<number> {
  for (let first = 28_000; first < 29_700; first += 110) {
    const states = await Promise.all(Array.from({ length: 20 }, (_, i) => portState(first + i)));
    const door = await portState(first + 100);
    if ([...states, door].every((s) => s.kind === 'free')) return first;
  }
  throw new Error('no free ports between 28000 and 29700');
}

/** Ends the resident process of this state directory, where destroying did not end it already. */
async function endResident(state: string): Promise<void> {
  const health = await (await findResident(state))?.health();
  if (!health) return;
  process.kill(health.pid, 'SIGTERM');
  for (let i = 0; i < 400 && readIfThere(`/proc/${health.pid}/cmdline`); i++) await sleep(100);
}
