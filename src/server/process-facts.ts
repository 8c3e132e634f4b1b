import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { linksOf } from '../hosts/process-owner.ts';

/** True while a process with this id is there, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // EPERM: it is there and belongs to somebody else.
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
  return !isZombie(pid);
}

/** A process that has ended but was not waited for still answers to a signal. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

export type ProcessFacts = { readonly program: string; readonly directory: string };

/** What runs under this id, from /proc; undefined where that cannot be seen (other systems, no right, gone). */
export const processFacts = (pid: number): ProcessFacts | undefined => factsOf([pid]).get(pid);

/** The ids of all processes that work in `directory`; empty where /proc cannot be read. */
export function processesIn(directory: string): number[] {
  if (!existsSync('/proc/self')) return [];
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return [...factsOf(pids)].filter(([, facts]) => facts.directory === directory).map(([pid]) => pid);
}

const factsOf = (pids: readonly number[]): ReadonlyMap<number, ProcessFacts> =>
  new Map(
    [...linksOf(pids)].map(([pid, { program, directory }]) => [
      pid,
      { program: basename(program.replace(/ \(deleted\)$/, '')), directory },
    ]),
  );
