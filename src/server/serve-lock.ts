import { mkdirSync, statSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { userInfo } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { fail, type Problem } from '../evidence/problem.ts';
import type { StateDirectory } from './state-directory.ts';

/** Who serves a state directory. */
export type Holder = { readonly pid: number; readonly user: string; readonly since: string };

export type ServeLock = { release(): Promise<void> };

/**
 * At most one resident process per state directory.
 *
 * On Linux the lock is an abstract Unix socket named after the directory's own inode: the kernel gives it to one process
 * and takes it back the moment that process ends, by whatever end, so it can neither be stale nor be lost. Whoever holds
 * it tells who it is to anyone who connects.
 *
 * @throws ProblemError `conflict` with who and since when
 */
export async function takeServeLock(state: StateDirectory): Promise<ServeLock> {
  const name = lockName(state);
  const holder: Holder = { pid: process.pid, user: userInfo().username, since: new Date().toISOString() };
  for (const deadline = Date.now() + GOING_AWAY; ; ) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(`${JSON.stringify(holder)}\n`);
    });
    if (await listens(server, name)) {
      server.unref();
      return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    }
    const other = await askHolder(name);
    if (other !== undefined || Date.now() > deadline) return fail(conflict(state, other));
    await pause(50);
  }
}

/** Who serves the state directory: one that is coming up or ending, too, which answers no request. */
export const serveLockHolder = (state: StateDirectory): Promise<Holder | undefined> => askHolder(lockName(state));

/** A process that was killed holds its sockets a moment longer, and does not answer any more. */
const GOING_AWAY = 3_000;

function lockName({ root, run }: StateDirectory): string {
  if (process.platform === 'linux') {
    const { dev, ino } = statSync(root);
    return `\0holdpoint-serve-${dev}-${ino}`;
  }
  mkdirSync(run, { recursive: true, mode: 0o700 });
  return `${run}/serve.lock`;
}

function listens(server: Server, name: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(name, () => resolve(true));
  });
}

function askHolder(name: string): Promise<Holder | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(name);
    let said = '';
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      try {
        resolve(JSON.parse(said) as Holder);
      } catch {
        resolve(undefined);
      }
    });
  });
}

const conflict = (state: StateDirectory, holder: Holder | undefined): Problem => ({
  kind: 'conflict',
  what:
    holder === undefined
      ? 'another process serves this state directory'
      : `process ${holder.pid} of ${holder.user} has served this state directory since ${holder.since}`,
  where: state.root,
  next: 'use it: every command finds it by itself; or end it first (kill -TERM PID)',
});
