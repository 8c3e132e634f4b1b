import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, type Problem } from '../../evidence/problem.ts';
import type { Address } from '../host.ts';
import { lineProblem } from './line-problem.ts';

export type LineSettings = {
  /** What the system's ssh takes: a name of its configuration, or `user@host`. */
  readonly destination: string;
  /** Of this machine, mode 0700, with a short path: control sockets and near ends of forwarded sockets lie in it. */
  readonly folder: string;
  /** For ssh, before the destination: `-F file` for another configuration. */
  readonly sshOptions: readonly string[];
};

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Noticed after some 15 seconds: three answers that did not come. */
const ALIVE = ['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=3', '-o', 'ConnectTimeout=10'];
/** Never a prompt in the middle of a run; whether a host's key is known is the user's own configuration. */
const SILENT = ['-o', 'BatchMode=yes', '-o', 'NumberOfPasswordPrompts=0'];
const UP_WITHIN_MS = 20_000;

/** One connection of the system's ssh, over which everything goes. */
export class SshLine {
  readonly #settings: LineSettings;
  #master: ChildProcess | undefined;
  #raising: Promise<void> | undefined;

  constructor(settings: LineSettings) {
    this.#settings = settings;
  }

  get destination(): string {
    return this.#settings.destination;
  }

  #socket(): string {
    return join(this.#settings.folder, 'control');
  }

  #ssh(...words: readonly string[]): string[] {
    return [...this.#settings.sshOptions, '-S', this.#socket(), ...SILENT, ...words];
  }

  /**
   * Makes sure that the line is up. A control socket that nobody answers at is replaced.
   *
   * @throws ProblemError `host`: not reached, key unknown or changed, login refused; nothing was asked of a person
   */
  up(): Promise<void> {
    this.#raising ??= this.#raise().finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  async #raise(): Promise<void> {
    if (await this.isUp()) return;
    this.#master?.kill('SIGKILL');
    await rm(this.#socket(), { force: true });
    const child = spawn('ssh', this.#ssh('-M', '-N', ...ALIVE, '-o', 'ControlPersist=no', this.destination), {
      stdio: ['ignore', 'ignore', 'pipe'],
      // Ctrl-C at a terminal is meant for Holdpoint, which ends the line itself.
      detached: true,
    });
    this.#master = child;
    let says = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      says = `${says}${chunk.toString('utf8')}`.slice(-4_096);
    });
    let ended: string | undefined;
    child.on('error', (error) => {
      ended = error.message;
    });
    child.on('exit', () => {
      ended ??= says;
    });
    const deadline = performance.now() + UP_WITHIN_MS;
    while (ended === undefined) {
      if (existsSync(this.#socket()) && (await this.isUp())) return;
      if (performance.now() > deadline) {
        child.kill('SIGKILL');
        ended = `${says}\nno connection within ${UP_WITHIN_MS / 1_000} s`;
      }
      await sleep(30);
    }
    fail(this.problem(ended));
  }

  problem(says: string): Problem {
    return lineProblem(this.destination, says);
  }

  async isUp(): Promise<boolean> {
    if (!existsSync(this.#socket())) return false;
    return (await this.#control('check')).code === 0;
  }

  #control(command: 'check' | 'forward' | 'cancel' | 'exit', ...words: readonly string[]): Promise<Ran> {
    return ran('ssh', this.#ssh('-O', command, ...words, this.destination), undefined, 10_000);
  }

  /** Runs a script over there. For what comes before the agent; secrets only through `input`. */
  async script(script: string, input?: string | Uint8Array, limitMs = 120_000): Promise<Ran> {
    await this.up();
    return ran('ssh', this.#ssh(this.destination, '--', script), input, limitMs);
  }

  /** What `tar` prints here is read by a script over there. */
  async pipe(argv: readonly [string, ...string[]], script: string, limitMs: number): Promise<Ran> {
    await this.up();
    const [program, ...words] = argv;
    const source = spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    const sent = new Promise<number>((resolve) => {
      source.on('error', () => resolve(127));
      source.on('close', (code) => resolve(code ?? 1));
    });
    const end = await ran('ssh', this.#ssh(this.destination, '--', script), source.stdout, limitMs);
    source.kill();
    const code = await sent;
    return code === 0 || end.code !== 0 ? end : { ...end, code, stderr: `${program} ended with ${code}` };
  }

  /** Makes a socket of the other side reachable here. */
  async forwardSocket(remote: string, local: string): Promise<void> {
    await this.up();
    await this.#control('cancel', '-L', `${local}:${remote}`);
    await rm(local, { force: true });
    const end = await this.#control('forward', '-L', `${local}:${remote}`);
    if (end.code !== 0) fail(this.problem(end.stderr));
  }

  /** The near end of a tunnel: the same port number here where it is free, else another one. */
  async forwardPort(address: Address): Promise<Address> {
    await this.up();
    for (const wanted of [address.port, 0]) {
      const port = await freePort(wanted);
      if (port === undefined) continue;
      const end = await this.#control('forward', '-L', `127.0.0.1:${port}:${address.host}:${address.port}`);
      if (end.code === 0) return { host: '127.0.0.1', port };
    }
    return fail(this.problem(`no tunnel to ${address.host}:${address.port} could be made`));
  }

  /** Ends the connection, with every tunnel in it. */
  async down(): Promise<void> {
    if (existsSync(this.#socket())) await this.#control('exit');
    this.#master?.kill();
    await rm(this.#socket(), { force: true });
  }
}

function freePort(wanted: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port: wanted, host: '127.0.0.1', exclusive: true }, () => {
      const at = server.address();
      server.close(() => resolve(at !== null && typeof at === 'object' ? at.port : undefined));
    });
  });
}

function ran(
  program: string,
  words: readonly string[],
  input: string | Uint8Array | NodeJS.ReadableStream | undefined,
  limitMs: number,
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, [...words], { stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
    });
    child.stdin.on('error', () => undefined);
    if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) child.stdin.end(input ?? '');
    else input.pipe(child.stdin);
    const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.on('error', (error) => {
      clearTimeout(limit);
      resolve({ code: 127, stdout, stderr: error.message });
    });
    child.on('close', (code) => {
      clearTimeout(limit);
      resolve({ code: code ?? 255, stdout, stderr });
    });
  });
}
