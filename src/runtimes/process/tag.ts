import { setTimeout as sleep } from 'node:timers/promises';
import type { Milliseconds } from '../../evidence/units.ts';
import { variableOf } from '../../hosts/process-owner.ts';
import { allProcesses, readProcess } from './proc.ts';

/**
 * Every process of an environment carries this variable, with the folder of its unit or job as value. It survives exec,
 * the death of the supervisor, and the end of the command that started everything: by it leftovers are known.
 */
export const TAG = 'HOLDPOINT_UNIT';

export type Tagged = { readonly pid: number; readonly startTicks: number; readonly folder: string };

/**
 * Processes that belong to the folder or to one below it. A process belongs where its tag says, else where its nearest
 * ancestor with a tag does (a Postgres backend overwrites its environment with its title). Other users' processes can
 * be seen only by root.
 */
export function taggedProcesses(folder: string): readonly Tagged[] {
  const all = allProcesses();
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const tags = variableOf(
    TAG,
    all.map(({ pid }) => pid),
  );
  const home = (pid: number): string | undefined => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) {
      const tag = tags.get(at);
      if (tag !== undefined) return tag;
    }
    return undefined;
  };
  return all.flatMap(({ pid, startTicks }) => {
    const at = pid === process.pid ? undefined : home(pid);
    return at === folder || at?.startsWith(`${folder}/`) === true ? [{ pid, startTicks, folder: at }] : [];
  });
}

const lives = ({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): boolean =>
  readProcess(pid)?.startTicks === startTicks;

const POLL_MS = 25;

/** True once none of the processes lives; false when the time is up before. */
export async function ended(
  processes: readonly { readonly pid: number; readonly startTicks: number }[],
  within: number,
): Promise<boolean> {
  const deadline = performance.now() + within;
  while (processes.some(lives)) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function send(processes: readonly Tagged[], signal: NodeJS.Signals): void {
  for (const found of processes) {
    if (!lives(found)) continue;
    try {
      process.kill(found.pid, signal);
    } catch {
      // It ended in between.
    }
  }
}

/** From SIGKILL to a process that is gone from /proc; a process in uninterruptible sleep takes longer. */
const KILL_LIMIT_MS = 5_000;

/** Kills what carries the folder's tag. False when something of it could not be ended. */
export async function killTagged(folder: string, chosen: (found: Tagged) => boolean = () => true): Promise<boolean> {
  // Twice or more: a process may fork between the look and the signal.
  for (let round = 0; round < 5; round++) {
    const found = taggedProcesses(folder).filter(chosen);
    if (found.length === 0) return true;
    send(found, 'SIGKILL');
    if (!(await ended(found, KILL_LIMIT_MS))) return false;
  }
  return taggedProcesses(folder).filter(chosen).length === 0;
}

/**
 * Ends an orphan as its supervisor would have: the stop signal to the process that the unit began with, its grace, then
 * SIGKILL to all of it.
 */
export async function endTagged(folder: string, signal: NodeJS.Signals, grace: Milliseconds): Promise<boolean> {
  const found = taggedProcesses(folder).filter((process) => process.folder === folder);
  if (found.length === 0) return true;
  const members = new Set(found.map(({ pid }) => pid));
  const roots = found.filter(({ pid }) => !members.has(readProcess(pid)?.parent ?? 0));
  send(roots, signal);
  await ended(found, grace);
  return killTagged(folder, (process) => process.folder === folder);
}
