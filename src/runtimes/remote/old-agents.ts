import { execFile } from 'node:child_process';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const OF_AN_AGENT = /^agent-([0-9a-f]+)\.(?:mjs|sock|sock\.lock)$/;
/** A file that is being sent has the sender's pid behind its name. */
const HALF_SENT = /^(?:agent-[0-9a-f]+\.mjs|node-[0-9a-f]+)\.\d+$/;
/** Nobody sends a file for so long. */
const ABANDONED_MS = 3_600_000;

/** For one that was just asked to make way. */
const PATIENCE_S = '1';

/**
 * Under the agent's own lock, which it holds for as long as it lives: what runs is left alone, and it cannot start
 * meanwhile. The lock goes only where the program went earlier, so that nobody waits for one that is no file any more.
 */
const REMOVE = 'if [ -e "$1.mjs" ]; then rm -f "$1.mjs" "$1.sock"; else rm -f "$1.sock" "$1.sock.lock"; fi';

/**
 * Removes the files of agents of other versions that do not run, and what came half of an agent or of Node. Whoever needs
 * one of them again sends it again. Copies of Node stay: units may run by them.
 *
 * @param own the file name of our agent's socket
 * @param answers does an agent answer at a socket?
 */
export async function removeOldAgents(
  folder: string,
  own: string,
  answers: (socket: string) => Promise<boolean>,
): Promise<void> {
  const names = await readdir(folder);
  const digests = new Set(names.map((name) => OF_AN_AGENT.exec(name)?.[1]));
  for (const digest of digests) {
    if (digest === undefined || `agent-${digest}.sock` === own) continue;
    const agent = join(folder, `agent-${digest}`);
    if (!(await answers(`${agent}.sock`))) await unlessLocked(agent);
  }
  for (const name of names.filter((each) => HALF_SENT.test(each))) {
    const path = join(folder, name);
    // Its sender has renamed it, or another start has removed it.
    const facts = await stat(path).catch(() => undefined);
    if (facts !== undefined && Date.now() - facts.mtimeMs > ABANDONED_MS) await rm(path, { force: true });
  }
}

/** One that runs, or a flock that fails, is no news: the next start looks again. */
const unlessLocked = (agent: string): Promise<void> =>
  new Promise((resolve) => {
    execFile('flock', ['-w', PATIENCE_S, `${agent}.sock.lock`, '/bin/sh', '-c', REMOVE, 'remove', agent], () =>
      resolve(),
    );
  });
