import { chmod, copyFile, mkdir, readdir, readFile, realpath, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Command } from '../../config/app.ts';
import { fail } from '../../evidence/problem.ts';
import { bytes, type Milliseconds, milliseconds } from '../../evidence/units.ts';
import { type Account, findAccount } from '../../hosts/accounts.ts';
import type { Address, Host } from '../../hosts/host.ts';
import { installCommand, PART_PACKAGES, RUNTIME_PACKAGES } from '../../hosts/packages.ts';
import { Turns } from '../../hosts/turns.ts';
import { checkedName, checkedPath } from '../checked-name.ts';
import type { Abilities, Place, Runtime, Usage } from '../runtime.ts';
import type { Job, JobEnd, Unit, UnitFile, UnitState, UnitUser } from '../unit.ts';
import type { UnitRecord } from '../unit-record.ts';
import { type Handover, heard, lastBytes, runJob } from './jobs.ts';
import { MemoryGroups } from './memory-groups.ts';
import { nodeCopy, nodeProgram, placeFacts, processPlace, resolveProgram, unitPath } from './place.ts';
import { treeUsage } from './proc.ts';
import { UnitRecords } from './records.ts';
import { programConfig, unitScript } from './script.ts';
import { type ProgramInfo, Supervisor } from './supervisor.ts';
import { endTagged, killTagged, TAG, taggedProcesses } from './tag.ts';

export type ProcessRuntimeSettings = {
  readonly host: Host;
  /** Name of the environment, for messages. */
  readonly environment: string;
  /** Absolute path; everything of the environment lies in it. Its parents must be open to other users (0755) under root. */
  readonly folder: string;
  /** Folder that holds the trees of releases by digest; absent where each lies where Holdpoint built it. */
  readonly trees?: string;
};

/** The runtime with what it shows to the agent alone. */
export type OpenedProcessRuntime = Runtime & {
  readonly folder: string;
  job(job: Job, signal?: AbortSignal, handover?: Handover): Promise<JobEnd>;
  /** The end of a job, asked for with the handover `when heard`, has arrived: the next call runs it anew. */
  heard(job: string): Promise<void>;
};

/** Marks a folder as an environment's, so that `destroy` never removes anything else. */
const MARKER = 'holdpoint-environment';

/**
 * Makes or opens an environment on this machine. Nothing is started: `adopt` takes up what runs.
 *
 * Memory limits of units are enforced where control groups can be made; elsewhere `usage` and the alerts watch them.
 */
export async function openProcessRuntime(settings: ProcessRuntimeSettings): Promise<OpenedProcessRuntime> {
  await settings.host.folder(settings.folder, { mode: 0o755 });
  const folder = await realpath(settings.folder);
  const marker = join(folder, MARKER);
  if (!(await settings.host.exists(marker))) {
    if ((await readdir(folder)).length > 0) {
      return fail({
        kind: 'conflict',
        what: 'the folder for the environment holds other things',
        where: folder,
        next: 'choose another --state DIR, or move them away',
      });
    }
    await settings.host.place([{ path: marker, content: `${settings.environment}\n`, mode: 0o644 }]);
  }
  for (const part of ['stores', 'units', 'jobs']) await settings.host.folder(join(folder, part), { mode: 0o755 });
  await keepNode(folder);
  return new ProcessRuntime({ ...settings, folder }, await MemoryGroups.for(folder));
}

async function keepNode(folder: string): Promise<void> {
  if (nodeProgram(folder) === process.execPath) return;
  const copy = nodeCopy(folder);
  await mkdir(dirname(copy), { recursive: true, mode: 0o755 });
  await copyFile(process.execPath, `${copy}.new`);
  await chmod(`${copy}.new`, 0o755);
  await rename(`${copy}.new`, copy);
}

/** From a unit's start to the end of what its script does before the unit itself. */
const BEGIN_LIMIT_MS = 5_000;

const NO_NETWORKS = 'all units of the runtime process share the network of their host';
const NO_WALLS = 'all units of the runtime process share the network and the file system of their host';

type Stopped = Awaited<ReturnType<Runtime['stop']>>;

class ProcessRuntime implements OpenedProcessRuntime {
  readonly kind = 'process';
  readonly place: Place;
  readonly images = undefined;
  readonly abilities: Abilities;
  readonly folder: string;
  readonly #host: Host;
  /** Undefined where none can be made. */
  readonly #groups: MemoryGroups | undefined;
  readonly #environment: string;
  readonly #supervisor: Supervisor;
  readonly #records: UnitRecords;

  constructor({ host, folder, environment, trees }: ProcessRuntimeSettings, groups: MemoryGroups | string) {
    this.#host = host;
    this.folder = folder;
    this.#environment = environment;
    this.place = processPlace(folder, () => placeFacts(folder, trees));
    this.#groups = typeof groups === 'string' ? undefined : groups;
    this.abilities = {
      'memory-limit':
        typeof groups === 'string' ? { kind: 'cannot', because: groups } : { kind: 'can', how: groups.how },
      partition: { kind: 'cannot', because: NO_NETWORKS },
      isolation: { kind: 'cannot', because: NO_WALLS },
    };
    this.#supervisor = new Supervisor(host, folder, environment);
    this.#records = new UnitRecords(host, folder);
  }

  /** Programs are looked up each time, so what was installed meanwhile is found. */
  async prepare(): Promise<readonly string[]> {
    return [];
  }

  async store(name: string, owner: UnitUser): Promise<void> {
    // Other users may pass through to a file whose name they know, but not look around.
    await this.#host.folder(this.place.path(name), { mode: 0o711, owner: this.#account(owner).name });
  }

  async removeStore(name: string): Promise<void> {
    await this.#host.remove(this.place.path(name));
  }

  async stores(): Promise<readonly string[]> {
    return (await readdir(join(this.folder, 'stores')).catch(() => [])).sort();
  }

  async put(files: readonly UnitFile[]): Promise<void> {
    for (const file of files) {
      const store = this.place.path(file.store);
      if (!(await this.#host.exists(store))) {
        fail({
          kind: 'internal',
          what: `the store ${file.store} is not there`,
          where: store,
          next: 'make the store before its files',
        });
      }
      const owner = this.#account(file.user).name;
      const below = dirname(checkedPath(file.path));
      let at = store;
      for (const part of below === '.' ? [] : below.split('/')) {
        at = join(at, part);
        if (!(await this.#host.exists(at))) await this.#host.folder(at, { mode: 0o711, owner });
      }
      await this.#host.place([
        { path: join(store, checkedPath(file.path)), content: file.content, mode: file.mode, owner },
      ]);
    }
  }

  async read(store: string, path: string): Promise<Uint8Array | undefined> {
    return this.#host.read(this.place.path(store, path));
  }

  async erase(store: string, path: string): Promise<void> {
    await this.#host.remove(this.place.path(store, path));
  }

  async adopt(): Promise<readonly string[]> {
    const wanted = (await this.#records.all()).filter(
      ({ wanted, unit }) => wanted === 'running' && unit.restart === 'always',
    );
    if (wanted.length === 0) return [];
    await this.#readySupervisor();
    const programs = new Map((await this.#supervisor.all()).map((program) => [program.name, program]));
    const back: string[] = [];
    for (const { unit } of wanted) {
      const state = programs.get(unit.name)?.state;
      if (state === 'RUNNING' || state === 'STARTING' || state === 'BACKOFF') continue;
      await this.start(unit);
      back.push(unit.name);
    }
    return back;
  }

  async start(unit: Unit): Promise<void> {
    const name = checkedName(unit.name);
    const account = this.#account(unit.user);
    this.#requireProgram(unit);
    if ((await this.#readySupervisor()) === 'started') await this.adopt();
    await this.#turns.take(name, () => this.#start(unit, account));
  }

  async #start(unit: Unit, account: Account): Promise<void> {
    const { name } = unit;
    const record = await this.#records.read(name);
    const files = this.#filesOf(unit, account);
    const program = await this.#supervisor.find(name);
    const unchanged = record !== undefined && (await this.#isDescribed(unit, record, files));
    if (unchanged && program !== undefined && (program.state === 'RUNNING' || program.state === 'STARTING')) {
      return this.#records.want(name, 'running');
    }
    await this.#supervisor.stop(name, record?.unit.stop.grace ?? unit.stop.grace);
    const folder = this.#records.folder(name);
    await this.#requireGone(name, await endTagged(folder, unit.stop.signal, unit.stop.grace));
    await this.#host.folder(folder, { mode: 0o755 });
    await this.#host.place([
      ...files,
      { path: this.#records.file(name, 'starts'), content: '', mode: 0o644, owner: account.name },
    ]);
    if (unit.memory !== undefined) await this.#groups?.ready();
    if (!unchanged || program === undefined) await this.#supervisor.take(name);
    await this.#records.write({ unit, wanted: 'running', order: await this.#nextOrder() });
    await this.#supervisor.start(name);
  }

  #filesOf(unit: Unit, account: Account) {
    const folder = this.#records.folder(unit.name);
    const log = this.#records.file(unit.name, 'log');
    const run = this.#records.file(unit.name, 'run');
    const running = { account, path: unitPath(this.folder), folder, directory: this.#directory(unit) };
    const program = (script: string, user: string | undefined) =>
      ({
        path: this.#supervisor.programFile(unit.name),
        content: programConfig(unit, { script, log }, user),
        mode: 0o600,
      }) as const;
    const script = { path: run, content: unitScript(unit, running), mode: 0o400, owner: account.name } as const;
    if (unit.memory === undefined || this.#groups === undefined)
      return [script, program(run, account.uid === process.getuid?.() ? undefined : account.name)];
    const enter = this.#records.file(unit.name, 'enter');
    const content = this.#groups.enterScript(unit.name, unit.memory, account, run);
    return [script, { path: enter, content, mode: 0o400 } as const, program(enter, undefined)];
  }

  async #isDescribed(
    unit: Unit,
    record: UnitRecord,
    files: readonly { readonly path: string; readonly content: string }[],
  ): Promise<boolean> {
    if (!isDeepStrictEqual(record.unit, JSON.parse(JSON.stringify(unit)))) return false;
    const present = await Promise.all(files.map((file) => readFile(file.path, 'utf8').catch(() => undefined)));
    return files.every((file, index) => file.content === present[index]);
  }

  /** In which commands of a software begin. */
  #directory({ software, name }: Pick<Unit, 'software' | 'name'>): string {
    if (software.kind === 'image') {
      return fail({
        kind: 'input',
        what: `${name} is made of an image, which the runtime process cannot run`,
        where: this.#environment,
        next: 'set `runtime: docker` for the environment, or give the service a `command`',
      });
    }
    return this.place.root(software) ?? '/';
  }

  #requireProgram(unit: Unit): void {
    const [program] = unit.command;
    if (resolveProgram(program, unitPath(this.folder), this.#directory(unit)) !== undefined) return;
    fail({
      kind: unit.role === 'part' ? 'host' : 'app',
      what: `the program \`${program}\` of unit ${unit.name} is not there or may not be executed`,
      where: this.#directory(unit),
      next: unit.role === 'part' ? 'install its package' : `mend the command of service ${unit.of} in holdpoint.yaml`,
    });
  }

  async #nextOrder(): Promise<number> {
    return Math.max(0, ...(await this.#records.all()).map((record) => record.order)) + 1;
  }

  stop(name: string): Promise<Stopped> {
    return this.#turns.take(checkedName(name), () => this.#stop(name));
  }

  async #stop(name: string): Promise<Stopped> {
    const record = await this.#records.read(name);
    if (record === undefined) return { how: 'was-not-running', took: milliseconds(0) };
    await this.#records.want(name, 'stopped');
    const begun = performance.now();
    const { signal, grace } = record.unit.stop;
    const folder = this.#records.folder(name);
    const ran = taggedProcesses(folder).length > 0;
    if ((await this.#supervisor.pid()) !== undefined) await this.#supervisor.stop(name, grace);
    else await endTagged(folder, signal, grace);
    const took = milliseconds(Math.round(performance.now() - begun));
    // Workers that did not go with their master.
    await this.#requireGone(name, await killTagged(folder));
    if (!ran) return { how: 'was-not-running', took };
    return { how: took >= grace ? 'killed' : 'stopped', took };
  }

  async #requireGone(name: string, gone: boolean): Promise<void> {
    if (gone) return;
    const pids = taggedProcesses(this.#records.folder(name)).map(({ pid }) => pid);
    fail({
      kind: 'host',
      what: `unit ${name} could not be ended, not even by SIGKILL`,
      where: `pid ${pids.join(', ')}`,
      next: 'look at its state (`ps -o stat,wchan`): a process that waits for a dead disk ends only with a restart',
    });
  }

  remove(name: string): Promise<void> {
    return this.#turns.take(checkedName(name), () => this.#remove(name));
  }

  async #remove(name: string): Promise<void> {
    await this.#stop(name);
    await this.#host.remove(this.#supervisor.programFile(name));
    if ((await this.#supervisor.pid()) !== undefined) await this.#supervisor.forget(name);
    await this.#groups?.remove(name);
    await this.#records.remove(name);
  }

  async list(): Promise<readonly { readonly unit: Unit; readonly state: UnitState }[]> {
    const records = await this.#records.all();
    if (records.length === 0) return [];
    const programs = await this.#programs();
    return Promise.all(
      records.map(async (record) => ({
        unit: record.unit,
        state: await this.#stateOf(
          record,
          programs?.find((program) => program.name === record.unit.name),
          programs,
        ),
      })),
    );
  }

  async inspect(name: string): Promise<UnitState> {
    const record = await this.#records.read(checkedName(name));
    if (record === undefined) return { kind: 'absent' };
    const programs = await this.#programs();
    return this.#stateOf(
      record,
      programs?.find((program) => program.name === name),
      programs,
    );
  }

  /** Undefined where no supervisor runs. */
  async #programs(): Promise<readonly ProgramInfo[] | undefined> {
    return (await this.#supervisor.pid()) === undefined ? undefined : this.#supervisor.all();
  }

  async #stateOf(
    record: UnitRecord,
    program: ProgramInfo | undefined,
    programs: readonly ProgramInfo[] | undefined,
  ): Promise<UnitState> {
    const restarts = Math.max(0, (await this.#records.starts(record.unit.name)) - 1);
    const alive = program !== undefined && ['RUNNING', 'STARTING', 'STOPPING'].includes(program.state);
    if (alive) return { kind: 'running', pid: program.pid, restarts };
    if (record.wanted === 'stopped') return { kind: 'stopped' };
    if (programs === undefined) return { kind: 'failed', exit: 'its supervisor does not run', restarts };
    if (program === undefined) return { kind: 'failed', exit: 'its supervisor does not know it', restarts };
    const exit = (await this.#groups?.killed(record.unit.name)) ? 'killed: over its memory limit' : exitOf(program);
    return { kind: 'failed', exit, restarts };
  }

  async logs(name: string, lines: number): Promise<readonly string[]> {
    const log = this.#records.file(checkedName(name), 'log');
    // A rotation a moment ago leaves the new file short.
    const text = `${await lastBytes(`${log}.1`)}${await lastBytes(log)}`;
    return text
      .split('\n')
      .filter((line, index, all) => line !== '' || index < all.length - 1)
      .slice(-lines);
  }

  async signal(name: string, signal: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'): Promise<void> {
    const state = await this.inspect(name);
    if (state.kind !== 'running') {
      return fail({
        kind: 'conflict',
        what: `unit ${name} does not run, so it cannot be sent ${signal}`,
        next: `read its log with \`holdpoint logs\``,
      });
    }
    await this.#supervisor.signal(name, signal.slice(3));
  }

  async usage(name: string): Promise<Usage | undefined> {
    const state = await this.inspect(name);
    const found = state.kind === 'running' ? treeUsage(state.pid) : undefined;
    return found && { cpuSeconds: found.cpuSeconds, memory: bytes(found.memoryBytes) };
  }

  #jobFolder(name: string): string {
    return join(this.folder, 'jobs', checkedName(name));
  }

  heard(job: string): Promise<void> {
    return heard({ host: this.#host, folder: this.#jobFolder(job) });
  }

  job(job: Job, signal?: AbortSignal, handover: Handover = 'at once'): Promise<JobEnd> {
    const folder = this.#jobFolder(job.name);
    const account = this.#account(job.user);
    const path = unitPath(this.folder);
    const directory = this.#directory(job);
    return runJob(job, { host: this.#host, folder, account, path, directory, handover }, signal);
  }

  /**
   * Does the unit run, past the first lines of its script? Those end whatever carries its tag: a command that is executed
   * at that moment would be taken for a leftover.
   */
  async #hasBegun(name: string): Promise<boolean> {
    const deadline = performance.now() + BEGIN_LIMIT_MS;
    for (;;) {
      const state = await this.inspect(name);
      if (state.kind !== 'running' || performance.now() > deadline) return false;
      if ((await this.#records.lastStart(name)) === state.pid) return true;
      await sleep(20);
    }
  }

  async execute(name: string, command: Command, timeLimit: Milliseconds): Promise<JobEnd> {
    const record = await this.#records.read(checkedName(name));
    if (record === undefined || !(await this.#hasBegun(name)))
      return { kind: 'lost', reason: `the unit ${name} does not run` };
    const { unit } = record;
    const end = await this.#host.run({
      // Both outputs in the order in which they come.
      argv: ['/bin/sh', '-c', 'exec "$@" 2>&1', 'sh', ...command],
      directory: this.#directory(unit),
      // With the unit's tag it ends with the unit, should it outlive Holdpoint.
      environment: {
        PATH: unitPath(this.folder),
        ...unit.environment,
        [TAG]: this.#records.folder(name),
      },
      user: this.#account(unit.user).name,
      timeLimit,
    });
    switch (end.kind) {
      case 'exited':
        return { kind: 'exited', code: end.code, output: end.stdout, took: end.took };
      case 'timed-out':
        return { kind: 'timed-out', output: end.stdout };
      case 'cancelled':
        return { kind: 'lost', reason: 'it was cancelled' };
      case 'not-started':
      case 'lost':
        return { kind: 'lost', reason: end.reason };
    }
  }

  async address(name: string, port: number): Promise<Address | undefined> {
    return (await this.inspect(name)).kind === 'running' ? { host: '127.0.0.1', port } : undefined;
  }

  async partition(name: string): Promise<void> {
    fail({
      kind: 'host',
      what: `${name} cannot be cut off: ${NO_NETWORKS}`,
      where: this.#host.name,
      next: 'use the runtime docker where units are to be cut off from one another',
    });
  }

  async crash(name: string): Promise<{ readonly pid: number } | undefined> {
    const state = await this.inspect(name);
    if (state.kind !== 'running') return undefined;
    try {
      process.kill(state.pid, 'SIGKILL');
      return { pid: state.pid };
    } catch {
      return undefined;
    }
  }

  async down(): Promise<void> {
    const records = await this.#records.all();
    // Nothing may be put back while the others stop.
    for (const { unit } of records) await this.#records.want(unit.name, 'stopped');
    for (const { unit } of [...records].reverse()) await this.stop(unit.name);
    await this.#supervisor.shutdown(30_000);
    if (await killTagged(this.folder)) return this.#groups?.removeAll();
    const left = taggedProcesses(this.folder);
    fail({
      kind: 'host',
      what: `${left.length} processes of ${this.#environment} could not be ended`,
      where: left.map(({ pid, folder }) => `pid ${pid} of ${folder}`).join(', '),
      next: 'look at their state (`ps -o stat,wchan`), then run the command again',
    });
  }

  async destroy(): Promise<void> {
    if (!(await this.#host.exists(join(this.folder, MARKER)))) return;
    await this.down();
    // The marker goes last: a removal that was cut off can be taken up again.
    for (const name of await readdir(this.folder)) {
      if (name !== MARKER) await this.#host.remove(join(this.folder, name));
    }
    await this.#host.remove(this.folder);
  }

  /** A new supervisor knows no unit that runs: what is left of an earlier one ends before it starts. */
  #readySupervisor(): Promise<'adopted' | 'started'> {
    return this.#supervisor.ensure(async () => {
      for (const { unit } of [...(await this.#records.all())].reverse()) {
        const gone = await endTagged(this.#records.folder(unit.name), unit.stop.signal, unit.stop.grace);
        await this.#requireGone(unit.name, gone);
      }
    });
  }

  /** Two calls about one unit follow one another. */
  readonly #turns = new Turns();

  #account(role: UnitUser): Account {
    const name = this.place.user(role);
    return (
      findAccount(name) ??
      fail({
        kind: 'host',
        what: `there is no user \`${name}\` on this machine`,
        where: this.#host.name,
        next: installCommand([...RUNTIME_PACKAGES, ...PART_PACKAGES].map((need) => need.package)),
      })
    );
  }
}

function exitOf(program: ProgramInfo): string {
  if (program.state === 'EXITED' && program.exitStatus === -1) return 'ended by a signal';
  if (program.state === 'EXITED') return `exit status ${program.exitStatus}`;
  if (program.spawnError.startsWith('Exited too quickly')) return 'ended within a second of its start';
  if (program.spawnError !== '') return program.spawnError;
  return program.state === 'STOPPED' ? 'not started' : program.state.toLowerCase();
}
