import { readdirSync, readFileSync } from 'node:fs';

/**
 * What /proc says of processes. This file stands alone (only Node's own modules), because the exporter of unit metrics
 * is shipped with it into an environment.
 */
export type ProcessFacts = {
  readonly pid: number;
  readonly parent: number;
  /** One letter; `Z` has ended and only waits to be reaped. */
  readonly state: string;
  /** Since boot, in clock ticks: together with the pid it names a process for good. */
  readonly startTicks: number;
  /** User and system time of the process and of its ended children, in clock ticks. */
  readonly cpuTicks: number;
};

/** USER_HZ: 100 on every Linux that Node runs on. */
export const TICKS_PER_SECOND = 100;

/** Undefined once the process has ended. A process that only waits to be reaped has ended. */
export function readProcess(pid: number): ProcessFacts | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The command name stands in brackets and may hold anything, spaces and brackets too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (index: number) => Number(fields[index] ?? 0);
  const state = fields[0] ?? 'Z';
  if (state === 'Z' || state === 'X') return undefined;
  return {
    pid,
    parent: number(1),
    state,
    startTicks: number(19),
    cpuTicks: number(11) + number(12) + number(13) + number(14),
  };
}

export const allProcesses = (): readonly ProcessFacts[] =>
  readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []));

/** A process and all that descend from it. */
export function processTree(root: number, all: readonly ProcessFacts[] = allProcesses()): readonly ProcessFacts[] {
  const children = new Map<number, ProcessFacts[]>();
  for (const facts of all) {
    const siblings = children.get(facts.parent);
    if (siblings === undefined) children.set(facts.parent, [facts]);
    else siblings.push(facts);
  }
  const found = all.filter((facts) => facts.pid === root);
  for (let index = 0; index < found.length; index++) {
    const next = found[index];
    if (next !== undefined) found.push(...(children.get(next.pid) ?? []));
  }
  return found;
}

export type TreeUsage = { readonly cpuSeconds: number; readonly memoryBytes: number };

/**
 * CPU time and memory of a process tree. Memory is the proportional set size, in which shared pages count once; where
 * it may not be read (another user's process, without root) it is the resident set size, which is larger.
 */
export function treeUsage(root: number, all: readonly ProcessFacts[] = allProcesses()): TreeUsage | undefined {
  const tree = processTree(root, all);
  if (tree.length === 0) return undefined;
  return {
    cpuSeconds: tree.reduce((sum, facts) => sum + facts.cpuTicks, 0) / TICKS_PER_SECOND,
    memoryBytes: tree.reduce((sum, facts) => sum + memoryOf(facts.pid), 0),
  };
}

function memoryOf(pid: number): number {
  return (
    kibibytes(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+) kB/m) ??
    kibibytes(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB/m) ??
    0
  );
}

function kibibytes(path: string, pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(path, 'utf8'));
    return found?.[1] === undefined ? undefined : Number(found[1]) * 1_024;
  } catch {
    return undefined;
  }
}
