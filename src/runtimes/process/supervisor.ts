import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../evidence/problem.ts';
import { milliseconds } from '../../evidence/units.ts';
import { isRoot } from '../../hosts/accounts.ts';
import type { Host } from '../../hosts/host.ts';
import { installCommand } from '../../hosts/packages.ts';
import { findProgram } from '../../hosts/programs.ts';
import { LONGEST_SOCKET_PATH } from '../../hosts/unix-socket.ts';
import { readProcess } from './proc.ts';
import { escaped } from './script.ts';
import { ended, killTagged, TAG } from './tag.ts';
import { call, RpcFault, type RpcValue } from './xmlrpc.ts';

/** supervisor binds a temporary name first: the socket's, a dot and its pid. */
const LONGEST_PATH = LONGEST_SOCKET_PATH - 11;
const ANSWER_LIMIT_MS = 10_000;
/** A supervisord that lives but does not answer yet is starting. */
const START_LIMIT_MS = 10_000;

/** `supervisor.xmlrpc.Faults` */
const FAULTS = { shuttingDown: 6, badName: 10, notRunning: 70, alreadyStarted: 60, alreadyAdded: 90 } as const;

export type ProgramInfo = {
  readonly name: string;
  /** `supervisor.states.ProcessStates` by name. */
  readonly state: string;
  readonly pid: number;
  readonly exitStatus: number;
  readonly spawnError: string;
  readonly description: string;
};

/** One supervisord per environment, in a folder of its own. */
export class Supervisor {
  readonly folder: string;
  readonly #host: Host;
  readonly #name: string;
  #starting: Promise<'adopted' | 'started'> | undefined;

  constructor(host: Host, environmentFolder: string, name: string) {
    this.#host = host;
    this.#name = name;
    this.folder = join(environmentFolder, 'supervisor');
  }

  get socket(): string {
    return join(this.folder, 'rpc.sock');
  }
  programFile(unit: string): string {
    return join(this.folder, 'programs', `${unit}.conf`);
  }

  /** Its pid, when it answers. */
  async pid(): Promise<number | undefined> {
    try {
      return Number(await this.#call('getPID', []));
    } catch (error) {
      // One that is shutting down is as good as none: whoever needs it waits until it is gone.
      if (error instanceof RpcFault && error.code !== FAULTS.shuttingDown) throw error;
      return undefined;
    }
  }

  /** Finds the live one or starts one; `beforeStart` runs between the two, when there is certainly none. */
  async ensure(beforeStart: () => Promise<void>): Promise<'adopted' | 'started'> {
    this.#starting ??= this.#ensure(beforeStart).finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #ensure(beforeStart: () => Promise<void>): Promise<'adopted' | 'started'> {
    if ((await this.pid()) !== undefined) return 'adopted';
    const alive = await this.#recordedProcess();
    if (alive !== undefined && (await this.#answersWithin(START_LIMIT_MS))) return 'adopted';
    // Only the supervisor itself, not its units: those end by their own stop signals before the next one starts.
    if (!(await killTagged(this.folder, (found) => found.folder === this.folder))) {
      fail({
        kind: 'conflict',
        what: `the supervisor of ${this.#name} does not answer and cannot be ended`,
        where: alive === undefined ? this.folder : `pid ${alive}`,
        next: 'restart the machine, or end that process by hand',
      });
    }
    await beforeStart();
    await this.#start();
    return 'started';
  }

  async #start(): Promise<void> {
    const program = findProgram('supervisord');
    if (program === undefined) {
      return fail({
        kind: 'host',
        what: 'supervisor is not installed',
        where: this.#host.name,
        next: installCommand(['supervisor']),
      });
    }
    if (Buffer.byteLength(this.socket) > LONGEST_PATH) {
      return fail({
        kind: 'input',
        what: `the state directory's path is too long for a unix socket (${Buffer.byteLength(this.socket)} bytes, ${LONGEST_PATH} are possible)`,
        where: this.socket,
        next: 'choose a shorter one with --state DIR',
      });
    }
    await this.#host.folder(join(this.folder, 'programs'), { mode: 0o700 });
    await this.#host.folder(this.folder, { mode: 0o700 });
    const file = join(this.folder, 'supervisord.conf');
    await this.#host.place([{ path: file, content: this.#configuration(), mode: 0o600 }]);
    const end = await this.#host.run({
      argv: [program, '-c', file],
      environment: { [TAG]: this.folder },
      timeLimit: milliseconds(30_000),
    });
    if (end.kind === 'exited' && end.code === 0 && (await this.#answersWithin(START_LIMIT_MS))) return;
    // Two commands at once: the other one's is as good.
    if ((await this.pid()) !== undefined) return;
    fail({
      kind: 'host',
      what: `supervisord could not be started for ${this.#name}`,
      where: file,
      detail: 'reason' in end ? [end.reason] : `${end.stdout}${end.stderr}`.split('\n').slice(-6),
      next: `read ${join(this.folder, 'supervisord.log')}`,
    });
  }

  #configuration(): string {
    const path = (name: string) => escaped(join(this.folder, name));
    return [
      '[unix_http_server]',
      `file=${path('rpc.sock')}`,
      'chmod=0700',
      '[supervisord]',
      `logfile=${path('supervisord.log')}`,
      'logfile_maxbytes=5MB',
      'logfile_backups=1',
      `pidfile=${path('supervisord.pid')}`,
      `childlogdir=${path('')}`,
      'umask=077',
      `identifier=holdpoint-${this.#name}`,
      ...(isRoot() ? ['user=root'] : []),
      '[rpcinterface:supervisor]',
      'supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface',
      '[include]',
      'files = programs/*.conf',
      '',
    ].join('\n');
  }

  async #recordedProcess(): Promise<number | undefined> {
    const text = await readFile(join(this.folder, 'supervisord.pid'), 'utf8').catch(() => '');
    const pid = Number.parseInt(text, 10);
    if (!(pid > 0) || readProcess(pid) === undefined) return undefined;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    return environment.split('\0').includes(`${TAG}=${this.folder}`) ? pid : undefined;
  }

  async #answersWithin(limitMs: number): Promise<boolean> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      if ((await this.pid()) !== undefined) return true;
      if (performance.now() > deadline) return false;
      await sleep(50);
    }
  }

  /** Takes up a program whose file is new or changed. It must not run. */
  async take(name: string): Promise<void> {
    await this.#call('reloadConfig', []);
    await this.#unless(FAULTS.badName, 'removeProcessGroup', [name]);
    await this.#unless(FAULTS.alreadyAdded, 'addProcessGroup', [name]);
  }

  /** Forgets a program whose file is gone. It must not run. */
  async forget(name: string): Promise<void> {
    await this.#unless(FAULTS.badName, 'removeProcessGroup', [name]);
    await this.#call('reloadConfig', []);
  }

  async start(name: string): Promise<void> {
    await this.#unless(FAULTS.alreadyStarted, 'startProcess', [name, false]);
  }

  /** Waits until the process has ended, by its stop signal or by SIGKILL after its grace. */
  async stop(name: string, graceMs: number): Promise<void> {
    try {
      await this.#call('stopProcess', [name, true], graceMs + 15_000);
    } catch (error) {
      const settled = error instanceof RpcFault && (error.code === FAULTS.notRunning || error.code === FAULTS.badName);
      if (!settled) throw error;
    }
  }

  async signal(name: string, signal: string): Promise<void> {
    await this.#call('signalProcess', [name, signal]);
  }

  async all(): Promise<readonly ProgramInfo[]> {
    const answer = await this.#call('getAllProcessInfo', []);
    return Array.isArray(answer) ? answer.map(programInfo) : [];
  }

  async find(name: string): Promise<ProgramInfo | undefined> {
    return (await this.all()).find((program) => program.name === name);
  }

  /** Stops all programs and ends the supervisor itself. */
  async shutdown(limitMs: number): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) return;
    const facts = readProcess(pid);
    await this.#call('shutdown', []).catch(() => {});
    if (facts !== undefined) await ended([facts], limitMs);
  }

  async #unless(fault: number, method: string, parameters: readonly (string | boolean)[]): Promise<void> {
    try {
      await this.#call(method, parameters);
    } catch (error) {
      if (!(error instanceof RpcFault) || error.code !== fault) throw error;
    }
  }

  #call(method: string, parameters: readonly (string | boolean)[], limitMs = ANSWER_LIMIT_MS): Promise<RpcValue> {
    return call(this.socket, `supervisor.${method}`, parameters, limitMs);
  }
}

function programInfo(value: RpcValue): ProgramInfo {
  const field = (name: string): RpcValue => (isStruct(value) ? (value[name] ?? null) : null);
  return {
    name: String(field('name')),
    state: String(field('statename')),
    pid: Number(field('pid')),
    exitStatus: Number(field('exitstatus')),
    spawnError: String(field('spawnerr') ?? ''),
    description: String(field('description') ?? ''),
  };
}

const isStruct = (value: RpcValue): value is { readonly [name: string]: RpcValue } =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
