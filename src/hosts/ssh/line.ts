import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fail, type Problem } from '../../evidence/problem.ts';
import type { Address } from '../host.ts';
import { LONGEST_SOCKET_PATH } from '../unix-socket.ts';
import { lineProblem } from './line-problem.ts';
import { LineUsers } from './line-users.ts';
import { type Ran, ran, SSH_FAILED } from './ran.ts';

export type LineSettings = {
  /** What the system's ssh takes: a name of its configuration, or `user@host`. */
  readonly destination: string;
  /** Of this machine, mode 0700, with a short path: control sockets and near ends of forwarded sockets lie in it. */
  readonly folder: string;
  /** For ssh, before the destination: `-F file` for another configuration. */
  readonly sshOptions: readonly string[];
};

/** A dropped line is noticed after some 15 seconds: three answers that did not come. */
const ALIVE = ['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=3', '-o', 'ConnectTimeout=10'];
/** No prompt in the middle of a run, and no key taken on trust, whatever the user's configuration says. */
const SILENT = ['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes'];
/** Nothing of what the user's configuration opens for a person at a terminal. */
const BARE = ['-o', 'ForwardAgent=no', '-o', 'ForwardX11=no', '-o', 'RequestTTY=no', '-o', 'RemoteCommand=none'];
/** Of a connection that nobody uses any more, because its users were killed; in seconds. */
const IDLE_S = 600;
const UP_WITHIN_MS = 30_000;
const CONTROL_LIMIT_MS = 10_000;
/** ssh binds a temporary name first: the socket's with a dot and 16 characters. */
const LONGEST_CONTROL = LONGEST_SOCKET_PATH - 17;

type Forward = { local: string; readonly remote: string; readonly again: () => Promise<string> };

/** One connection of the system's ssh, over which everything goes. */
export class SshLine {
  readonly #settings: LineSettings;
  readonly #name: string;
  readonly #users: LineUsers;
  /** What is to lead to the other side, by what it leads to. */
  readonly #forwards = new Map<string, Forward>();
  #raising: Promise<void> | undefined;

  constructor(settings: LineSettings) {
    this.#settings = settings;
    const { destination, sshOptions } = settings;
    this.#name = createHash('sha256')
      .update(JSON.stringify([destination, sshOptions]))
      .digest('hex')
      .slice(0, 10);
    this.#users = new LineUsers(settings.folder, this.#name);
  }

  get destination(): string {
    return this.#settings.destination;
  }

  /** Of the connection that all processes with this folder share. */
  get control(): string {
    return join(this.#settings.folder, this.#name);
  }

  #ssh(...words: readonly string[]): string[] {
    return [...this.#settings.sshOptions, '-S', this.control, ...SILENT, ...BARE, ...words, '--', this.destination];
  }

  /**
   * Makes sure that the line is up, with everything that leads through it. A control socket that nobody answers at is
   * replaced, and so is a connection whose users were all killed.
   *
   * @throws ProblemError `host`: not reached, key unknown or changed, login refused; nothing was asked of a person
   */
  up(): Promise<void> {
    this.#raising ??= this.#raise().finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  #joined = false;

  async #raise(): Promise<void> {
    if (Buffer.byteLength(this.control) > LONGEST_CONTROL) fail(this.#tooLong());
    const others = await this.#users.others();
    if (await this.isUp()) {
      if (this.#joined || others) return this.#join();
      // Its tunnels belong to nobody.
      await this.#control('exit');
    }
    await rm(this.control, { force: true });
    const words = this.#ssh('-M', '-N', ...ALIVE, '-o', `ControlPersist=${IDLE_S}`, ...FORWARDS_OF_OURS);
    const end = await ran('ssh', words, undefined, UP_WITHIN_MS);
    // Two processes at once: the other one's is as good.
    if (end.code !== 0 && !(await this.isUp())) fail(await this.#refused(end.stderr));
    await this.#join();
    for (const [key, forward] of this.#forwards) {
      // One that cannot be made again is forgotten: whoever asks for it next is told why.
      const local = await forward.again().catch(() => undefined);
      if (local === undefined) this.#forwards.delete(key);
      else forward.local = local;
    }
  }

  async #join(): Promise<void> {
    if (!this.#joined) await this.#users.join();
    this.#joined = true;
  }

  #tooLong(): Problem {
    return {
      kind: 'host',
      what: `a socket cannot have a path as long as this one (${LONGEST_CONTROL} bytes at most)`,
      where: this.control,
      next: 'choose a shorter --state DIR',
    };
  }

  /** The key that was shown is told only to who asks for details. Nothing is sent but that question. */
  async #refused(says: string): Promise<Problem> {
    if (!/host key|HOST IDENTIFICATION/i.test(says)) return this.problem(says);
    const words = ['-v', ...this.#settings.sshOptions, '-S', 'none', ...SILENT, ...BARE, ...ALIVE, '-N', '--'];
    const details = await ran('ssh', [...words, this.destination], undefined, UP_WITHIN_MS);
    const shown = details.stderr.split('\n').find((line) => line.includes('Server host key:'));
    return this.problem(shown === undefined ? says : `${says}\n${shown}`);
  }

  problem(says: string): Problem {
    return lineProblem(this.destination, says);
  }

  async isUp(): Promise<boolean> {
    return existsSync(this.control) && (await this.#control('check')).code === 0;
  }

  #control(command: 'check' | 'forward' | 'cancel' | 'exit', ...words: readonly string[]): Promise<Ran> {
    return ran('ssh', this.#ssh('-O', command, ...words), undefined, CONTROL_LIMIT_MS);
  }

  /** Runs a script of /bin/sh over there, whatever the login shell is. Secrets only through `input`. */
  async script(script: string, limitMs: number, input?: string | Uint8Array): Promise<Ran> {
    await this.up();
    return this.#run(script, limitMs, input);
  }

  #run(script: string, limitMs: number, input?: string | Uint8Array | NodeJS.ReadableStream): Promise<Ran> {
    return ran('ssh', [...this.#ssh(), shellCommand(script)], input, limitMs);
  }

  /** What a program prints here is read by a script over there. */
  async pipe(argv: readonly [string, ...string[]], script: string, limitMs: number): Promise<Ran> {
    await this.up();
    const [program, ...words] = argv;
    const source = spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    const sent = new Promise<number>((resolve) => {
      source.on('error', () => resolve(127));
      source.on('close', (code) => resolve(code ?? 1));
    });
    // Read from the first moment on: what a program printed before its end is thrown away where nobody reads.
    const end = await this.#run(script, limitMs, source.stdout);
    if (end.code !== 0) {
      source.kill();
      return end;
    }
    const code = await sent;
    return code === 0 ? end : { ...end, code, stderr: `${program} ended with ${code}` };
  }

  /** Makes a socket of the other side reachable here. What leads there is made again over every new connection. */
  forwardSocket(remote: string): Promise<string> {
    const name = createHash('sha256').update(remote).digest('hex').slice(0, 6);
    const local = `${this.#users.own}.${name}`;
    if (Buffer.byteLength(local) > LONGEST_SOCKET_PATH) fail(this.#tooLong());
    return this.#forward(remote, async () => {
      await rm(local, { force: true });
      await this.#lead(`${local}:${remote}`);
      return local;
    });
  }

  /** The near end of a tunnel: the same port number here where it is free, else another one. */
  async forwardPort({ host, port }: Address): Promise<Address> {
    const remote = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const local = await this.#forward(remote, async () => {
      const kept = this.#forwards.get(remote)?.local;
      const near = (kept === undefined ? undefined : await freePort(Number(kept))) ?? (await freePort(port));
      const chosen = near ?? (await freePort(0));
      await this.#lead(`127.0.0.1:${chosen}:${remote}`);
      return String(chosen);
    });
    return { host: '127.0.0.1', port: Number(local) };
  }

  readonly #making = new Map<string, Promise<string>>();

  async #forward(remote: string, again: () => Promise<string>): Promise<string> {
    const known = this.#forwards.get(remote);
    if (known !== undefined) return known.local;
    await this.up();
    const making = this.#making.get(remote) ?? again();
    this.#making.set(remote, making);
    try {
      const local = await making;
      this.#forwards.set(remote, { local, remote, again });
      return local;
    } finally {
      this.#making.delete(remote);
    }
  }

  async #lead(spec: string): Promise<void> {
    const end = await this.#control('forward', '-L', spec);
    if (end.code !== 0) fail(this.problem(end.stderr || end.stdout));
  }

  /** Ends what leads through the connection for this process; the connection itself ends with its last user. */
  async down(): Promise<void> {
    // Whoever raises it hears of its failure; here it only has to be over.
    await this.#raising?.catch(() => undefined);
    const others = await this.#users.others();
    if (existsSync(this.control)) {
      if (!others) await this.#control('exit');
      else
        for (const { local, remote } of this.#forwards.values())
          await this.#control('cancel', '-L', `${local.includes('/') ? local : `127.0.0.1:${local}`}:${remote}`);
    }
    for (const { local } of this.#forwards.values()) if (local.includes('/')) await rm(local, { force: true });
    this.#forwards.clear();
    if (!others) await rm(this.control, { force: true });
    await this.#users.leave();
    this.#joined = false;
  }
}

/** Those of the user's configuration would hold ports that are none of ours; near ends of sockets are replaced. */
const FORWARDS_OF_OURS = ['-o', 'ClearAllForwardings=yes', '-o', 'StreamLocalBindUnlink=yes'];

/** One word for any login shell: quotes and line ends of the script are inside base64. */
const shellCommand = (script: string): string =>
  `/bin/sh -c 'eval "$(echo ${Buffer.from(script).toString('base64')} | base64 -d)"'`;

export const lineFailed = ({ code }: Ran): boolean => code === SSH_FAILED;

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
