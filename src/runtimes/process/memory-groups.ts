import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bytes } from '../../evidence/units.ts';
import { type Account, isRoot } from '../../hosts/accounts.ts';
import { findProgram } from '../../hosts/programs.ts';
import { quoted } from './script.ts';

/** The kernel's controller of memory, cgroup-v1/memory.rst and cgroup-v2.rst, with the folder in which groups are made. */
type Controller = { readonly version: 1 | 2; readonly root: string; readonly setpriv: string };

/** A group's files and the limit that the unit script writes into them. */
const FILES = {
  1: { limit: 'memory.limit_in_bytes', swap: 'memory.memsw.limit_in_bytes', kills: 'memory.oom_control' },
  2: { limit: 'memory.max', swap: 'memory.swap.max', kills: 'memory.events' },
} as const;

/** The last member of a group is gone from it a moment after its end. */
const EMPTY_LIMIT_MS = 2_000;

/**
 * Control groups that hold units of one environment to their memory limits: one group a unit, in one of the
 * environment's own. A unit over its limit is killed by the kernel.
 */
export class MemoryGroups {
  readonly #controller: Controller;
  readonly #folder: string;

  private constructor(controller: Controller, environmentFolder: string) {
    this.#controller = controller;
    const digest = createHash('sha256').update(environmentFolder).digest('hex').slice(0, 12);
    this.#folder = join(controller.root, `holdpoint-${digest}`);
  }

  /** Found out by making a group, which nothing else can contradict. A text says why it cannot be done here. */
  static async for(environmentFolder: string): Promise<MemoryGroups | string> {
    if (!isRoot()) return 'only root may make control groups';
    const setpriv = findProgram('setpriv');
    if (setpriv === undefined) return 'setpriv is not installed (package util-linux)';
    const found = await mountedController();
    if (found === undefined) return 'the kernel has no control groups for memory, or they are not mounted';
    const groups = new MemoryGroups({ ...found, setpriv }, environmentFolder);
    return (await groups.#refusal()) ?? groups;
  }

  async #refusal(): Promise<string | undefined> {
    const { root, version } = this.#controller;
    const probe = `${this.#folder}-probe-${process.pid}-${Date.now()}`;
    try {
      if (version === 2) await this.#handDown(root);
      await mkdir(probe);
      const files = await readdir(probe);
      await rmdir(probe);
      return files.includes(FILES[version].limit) ? undefined : `groups below ${root} have no limit for memory`;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EROFS') return `the control groups at ${root} are mounted read-only`;
      return `no control group can be made at ${root}: ${code ?? 'unknown'}`;
    }
  }

  /** In version 2 a group's members have a limit only where the group above hands the controller down. */
  async #handDown(folder: string): Promise<void> {
    const file = join(folder, 'cgroup.subtree_control');
    if (!(await readFile(file, 'utf8')).split(/\s/).includes('memory')) await writeFile(file, '+memory');
  }

  /** By what the limits are enforced, in words. */
  get how(): string {
    const { version, root } = this.#controller;
    return `control groups of version ${version} at ${root}`;
  }

  /** Makes the environment's group, in which the units' scripts make their own. */
  async ready(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    if (this.#controller.version === 2) await this.#handDown(this.#folder);
  }

  #group(name: string): string {
    return join(this.#folder, name);
  }

  /**
   * Runs as root what supervisor starts: makes the group anew (with it, what it counted of an earlier life is gone),
   * enters it, and becomes the unit's user. Pid and start time stay. A unit whose limit cannot be set does not start.
   */
  enterScript(name: string, limit: Bytes, account: Account, script: string): string {
    const group = this.#group(name);
    const { version, setpriv } = this.#controller;
    const files = FILES[version];
    const swap = join(group, files.swap);
    const swapLimit =
      version === 1
        ? `[ ! -e ${quoted(swap)} ] || echo ${limit} >${quoted(swap)}`
        : `{ [ ! -e ${quoted(swap)} ] || echo 0 >${quoted(swap)}; } && echo 1 >${quoted(join(group, 'memory.oom.group'))}`;
    return `#!/bin/sh
# Unit ${name}. Written by holdpoint; a change here is overwritten.
enter() {
  rmdir ${quoted(group)} 2>/dev/null
  mkdir -p ${quoted(group)} &&
    echo ${limit} >${quoted(join(group, files.limit))} &&
    { ${swapLimit}; } &&
    echo $$ >${quoted(join(group, 'cgroup.procs'))}
}
enter || { echo 'holdpoint: the memory limit could not be set'; exit 126; }
exec ${quoted(setpriv)} --reuid=${account.uid} --regid=${account.gid} --init-groups /bin/sh ${quoted(script)}
`;
  }

  /** Did the kernel kill anything of the unit's present or last life for its memory? */
  async killed(name: string): Promise<boolean> {
    const text = await readFile(join(this.#group(name), FILES[this.#controller.version].kills), 'utf8').catch(() => '');
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
  }

  async remove(name: string): Promise<void> {
    await removed(this.#group(name));
  }

  /** The environment's group with all groups in it, once nothing runs. */
  async removeAll(): Promise<void> {
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await this.remove(basename(entry.name));
    await removed(this.#folder);
  }
}

/** A group that still has members stays; the next removal takes it. */
async function removed(group: string): Promise<void> {
  const deadline = performance.now() + EMPTY_LIMIT_MS;
  for (;;) {
    try {
      await rmdir(group);
      return;
    } catch (error) {
      const busy = error instanceof Error && 'code' in error && error.code === 'EBUSY';
      if (!busy || performance.now() > deadline) return;
      await sleep(25);
    }
  }
}

async function mountedController(): Promise<Omit<Controller, 'setpriv'> | undefined> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [kind, , options = ''] = after.split(' ');
    return { point: before.split(' ')[4] ?? '', kind, options: options.split(',') };
  });
  const first = mounts.find(({ kind, options }) => kind === 'cgroup' && options.includes('memory'));
  if (first !== undefined) return { version: 1, root: first.point };
  for (const { point, kind } of mounts) {
    if (kind !== 'cgroup2') continue;
    const controllers = await readFile(join(point, 'cgroup.controllers'), 'utf8').catch(() => '');
    if (controllers.split(/\s/).includes('memory')) return { version: 2, root: point };
  }
  return undefined;
}
