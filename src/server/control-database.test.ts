import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { remove, temporaryDirectory } from '../../test/temporary-state.ts';
import { ProblemError } from '../evidence/problem.ts';
import { LONGEST_SOCKET_PATH } from '../hosts/unix-socket.ts';
import { type ControlDatabase, openControlDatabase } from './control-database.ts';
import { stopEmbeddedPostgres } from './embedded-postgres.ts';
import { isAlive } from './process-facts.ts';
import { ensureUser } from './service-user.ts';
import { openStateDirectory, type StateDirectory } from './state-directory.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const task of cleanUp.splice(0).reverse()) await task();
});

async function freshState(name = 'state'): Promise<StateDirectory> {
  const root = temporaryDirectory();
  cleanUp.push(() => remove(root));
  ensureUser();
  const state = await openStateDirectory(join(root, name));
  cleanUp.push(() => stopEmbeddedPostgres(state.database));
  return state;
}

const open = (state: StateDirectory, urlFile?: string) => openControlDatabase({ state, log: () => undefined, urlFile });

async function ask(database: ControlDatabase, sql: string): Promise<unknown> {
  const client = new pg.Client(database.connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows[0]?.[0];
  } finally {
    await client.end();
  }
}

const serverId = (state: StateDirectory): number =>
  Number(readFileSync(join(state.database, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);

async function problemOfOpening(state: StateDirectory, urlFile?: string) {
  const thrown = await open(state, urlFile).catch((error: unknown) => error);
  if (!(thrown instanceof ProblemError)) throw new Error(`expected a problem, got ${String(thrown)}`);
  return thrown.problem;
}

test('starts a server that listens on no port, runs as no root, and asks for a password', async () => {
  const state = await freshState();
  const database = await open(state);
  expect(database.how).toBe('started');
  expect(await ask(database, 'SHOW listen_addresses')).toBe('');
  expect(await ask(database, 'SHOW data_checksums')).toBe('on');
  const owner = statSync(`/proc/${serverId(state)}`).uid;
  expect(owner).not.toBe(0);
  const { password, ...without } = database.connection;
  expect(password).toBeTypeOf('string');
  const client = new pg.Client({ ...without, password: 'guessed' });
  await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
  expect(statSync(join(state.keys, 'database-password')).mode & 0o777).toBe(0o600);
  await database.stop();
  expect(existsSync(join(state.database, 'data', 'postmaster.pid'))).toBe(false);
});

test('adopts a server that a killed process left alive, and what was committed is there', async () => {
  const state = await freshState();
  const first = await open(state);
  await ask(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const id = serverId(state);
  const second = await open(state);
  expect(second.how).toBe('adopted');
  expect(serverId(state)).toBe(id);
  expect(await ask(second, 'SELECT answer FROM kept')).toBe(42);
  await second.stop();
  expect(isAlive(id)).toBe(false);
  await first.stop();
});

test('starts a server that was killed while we watch it', async () => {
  const state = await freshState();
  const database = await open(state);
  await ask(database, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const killed = serverId(state);
  process.kill(killed, 'SIGKILL');
  let answer: unknown;
  for (let tries = 0; tries < 200 && answer === undefined; tries++) {
    answer = await ask(database, 'SELECT answer FROM kept').catch(() => undefined);
    await pause(50);
  }
  expect(answer).toBe(42);
  expect(serverId(state)).not.toBe(killed);
  await database.stop();
});

test.each([
  ['nobody', () => 2 ** 22 - 3],
  ['another program', async () => (await stranger()).pid ?? 0],
])('sees through a lock file whose process id belongs to %s', async (_who, idOf) => {
  const state = await freshState();
  await (await open(state)).stop();
  const id = await idOf();
  const socket = join(state.database, 'socket');
  const data = join(state.database, 'data');
  writeFileSync(join(data, 'postmaster.pid'), `${id}\n${data}\n1\n5432\n${socket}\n\n`);
  const database = await open(state);
  expect(database.how).toBe('started');
  await database.stop();
});

async function stranger(): Promise<ChildProcess> {
  const child = spawn('sleep', ['60']);
  cleanUp.push(() => {
    child.kill('SIGKILL');
  });
  await once(child, 'spawn');
  return child;
}

test('says so of a damaged data directory, and removes nothing', async () => {
  const state = await freshState();
  await (await open(state)).stop();
  const control = join(state.database, 'data', 'global', 'pg_control');
  truncateSync(control, 100);
  expect(await problemOfOpening(state)).toMatchObject({ kind: 'host', what: expect.stringContaining('damaged') });
  rmSync(control);
  expect(await problemOfOpening(state)).toMatchObject({ kind: 'host', what: expect.stringContaining('damaged') });
  expect(existsSync(join(state.database, 'data', 'base'))).toBe(true);
});

test('says so when its password is gone', async () => {
  const state = await freshState();
  await (await open(state)).stop();
  rmSync(join(state.keys, 'database-password'));
  expect((await problemOfOpening(state)).what).toContain('password of the control database is missing');
});

test('goes on with a first start that was cut off', async () => {
  const state = await freshState();
  mkdirSync(join(state.database, 'data.4711.new', 'base'), { recursive: true });
  const database = await open(state);
  expect(await ask(database, 'SELECT 1')).toBe(1);
  expect(existsSync(join(state.database, 'data.4711.new'))).toBe(false);
  await database.stop();
});

test('works below a path that is too long for a socket', async () => {
  const state = await freshState('a-very-long-name'.repeat(8));
  const database = await open(state);
  expect(await ask(database, 'SELECT 1')).toBe(1);
  expect(String(database.connection.host).length).toBeLessThan(LONGEST_SOCKET_PATH);
  cleanUp.push(() => remove(String(database.connection.host)));
  await database.stop();
});

test('takes any Postgres by the URL in a file, leaves it alone, and never repeats the URL in an error', async () => {
  const state = await freshState();
  const server = await open(state);
  const file = join(state.root, 'url');
  writeFileSync(file, `${server.url}\n`, { mode: 0o600 });
  const database = await open(state, file);
  expect(database.how).toBe('given');
  expect(await ask(database, 'SELECT 1')).toBe(1);
  await database.stop();
  expect(await ask(server, 'SELECT 1')).toBe(1);
  await server.stop();
  writeFileSync(file, 'mysql://user:canary@host/name');
  expect(JSON.stringify(await problemOfOpening(state, file))).not.toContain('canary');
  writeFileSync(file, server.url);
  expect(JSON.stringify(await problemOfOpening(state, file))).not.toContain(String(server.connection.password));
});
