import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What control groups say of containers. This file stands alone (only Node's own modules), because the exporter of unit
 * metrics is shipped with it into an environment.
 */
export type GroupUsage = { readonly cpuSeconds: number; readonly memoryBytes: number };

/** Undefined where no group of that container is here: it does not run, or its engine is elsewhere. */
export function groupUsage(root: string, container: string): GroupUsage | undefined {
  try {
    return isVersion2(root) ? usageOf2(groupOf(root, container)) : usageOf1(root, container);
  } catch {
    // It ended between two looks.
    return undefined;
  }
}

/** Tells one life of a container from the next: the engine makes a new group for each. */
export function groupLife(root: string, container: string): string | undefined {
  try {
    const facts = statSync(groupOf(isVersion2(root) ? root : join(root, 'memory'), container));
    return `${facts.ino} ${facts.ctimeMs}`;
  } catch {
    return undefined;
  }
}

function isVersion2(root: string): boolean {
  try {
    return statSync(join(root, 'cgroup.controllers')).isFile();
  } catch {
    return false;
  }
}

/** Where engines put their groups: under the cgroupfs driver, under systemd, and under podman's emulation. */
const PARENTS = [
  (id: string) => `docker/${id}`,
  (id: string) => `system.slice/docker-${id}.scope`,
  (id: string) => `machine.slice/libpod-${id}.scope`,
];

function groupOf(root: string, container: string): string {
  for (const parent of PARENTS) {
    const path = join(root, parent(container));
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return path;
  }
  throw new Error('no such group');
}

const text = (...path: string[]): string => readFileSync(join(...path), 'utf8');
const value = (content: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(content)?.[1] ?? 0);

/** Pages of files that nobody has used for a while are given back at once when memory gets short. */
function usageOf1(root: string, container: string): GroupUsage {
  const memory = groupOf(join(root, 'memory'), container);
  const cpu = groupOf(join(root, 'cpuacct'), container);
  const used = Number(text(memory, 'memory.usage_in_bytes'));
  return {
    cpuSeconds: Number(text(cpu, 'cpuacct.usage')) / 1e9,
    memoryBytes: Math.max(0, used - value(text(memory, 'memory.stat'), 'total_inactive_file')),
  };
}

function usageOf2(group: string): GroupUsage {
  const used = Number(text(group, 'memory.current'));
  return {
    cpuSeconds: value(text(group, 'cpu.stat'), 'usage_usec') / 1e6,
    memoryBytes: Math.max(0, used - value(text(group, 'memory.stat'), 'inactive_file')),
  };
}
