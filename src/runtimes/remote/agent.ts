import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { currentAccount } from '../../hosts/accounts.ts';
import { cleanEnvironment } from '../../hosts/local.ts';
import { lineOf, type ToAgent } from '../../hosts/ssh/wire.ts';
import { removeOldAgents } from './old-agents.ts';
import { serve } from './serve.ts';

/**
 * The agent, a program of its own that is put onto another host: `node agent.mjs start ROOT SOCKET` makes sure that one
 * answers at the socket, `node agent.mjs serve ROOT SOCKET [IDLE-MS]` is it.
 */
const IDLE_MS = 10 * 60_000;
const ANSWER_WITHIN_MS = 3_000;
const START_WITHIN_MS = 15_000;
/** Exit status of flock(1) where another process has the lock. */
const LOCKED = 75;

async function start(program: string, root: string, socket: string): Promise<number> {
  if (await answers(socket)) return 0;
  const log = join(dirname(socket), 'log');
  const output = openSync(log, 'w', 0o600);
  // One agent for a socket: the lock is held for as long as the process lives, and by none of its children.
  const words = ['-n', '-E', String(LOCKED), `${socket}.lock`, process.execPath, program, 'serve', root, socket];
  const child = spawn('flock', words, {
    cwd: '/',
    env: cleanEnvironment(currentAccount()),
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  child.unref();
  let failed: string | undefined;
  child.on('error', (error) => {
    failed = `flock: ${error.message}`;
  });
  child.on('exit', (code) => {
    if (code !== LOCKED) failed = readFileSync(log, 'utf8');
  });
  const deadline = performance.now() + START_WITHIN_MS;
  while (failed === undefined && performance.now() < deadline) {
    if (await answers(socket)) {
      await retireOthers(socket);
      // Ours runs: what is left of others can wait for the next start.
      await removeOldAgents(dirname(socket), basename(socket), answers).catch(() => undefined);
      return 0;
    }
    await sleep(25);
  }
  process.stderr.write(`${failed ?? `no agent answers at ${socket}`}\n`);
  return 1;
}

/** Agents of other versions of Holdpoint end, unless they have something to do. */
async function retireOthers(socket: string): Promise<void> {
  const folder = dirname(socket);
  for (const name of readdirSync(folder)) {
    const other = join(folder, name);
    if (/^agent-[0-9a-f]+\.sock$/.test(name) && other !== socket) await answers(other, { kind: 'retire' });
  }
}

/** Does an agent say its first word at the socket? It may be told something. */
function answers(socket: string, message?: ToAgent): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const limit = setTimeout(() => connection.destroy(), ANSWER_WITHIN_MS);
    connection.on('error', () => undefined);
    connection.once('data', () => {
      resolve(true);
      connection.end(message === undefined ? '' : lineOf(message));
    });
    connection.on('close', () => {
      clearTimeout(limit);
      resolve(false);
    });
  });
}

const [, program = '', mode, root, socket, idle] = process.argv;
if (root === undefined || socket === undefined || (mode !== 'start' && mode !== 'serve')) {
  process.stderr.write('usage: agent.mjs start|serve ROOT SOCKET [IDLE-MS]\n');
  process.exitCode = 2;
} else if (mode === 'start') {
  process.exitCode = await start(program, root, socket);
} else {
  await serve({ root, socket, idleMs: idle === undefined ? IDLE_MS : Number(idle) });
}
