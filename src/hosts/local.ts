import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, open, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { fail } from '../evidence/problem.ts';
import { type Milliseconds, milliseconds } from '../evidence/units.ts';
import { type Account, currentAccount, findAccount, isRoot } from './accounts.ts';
import type { CommandEnd, Host, HostCommand, PlacedFile } from './host.ts';
import { portState } from './ports.ts';
import { findProgram } from './programs.ts';

/** How much of each output stream is kept: its end, where errors stand. */
const KEPT_OUTPUT = 256 * 1024;
/** From SIGTERM to SIGKILL for a command whose time is up. */
const TERM_TO_KILL: Milliseconds = milliseconds(2_000);
/** A command that left a daemon behind keeps its pipes open; its own end is what counts. */
const PIPES_AFTER_EXIT: Milliseconds = milliseconds(500);

export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of every command: nothing is inherited, so that no credential of the caller leaks into a child. */
export const cleanEnvironment = (account: Account): Record<string, string> => ({
  PATH: SYSTEM_PATH,
  HOME: account.home,
  USER: account.name,
  LOGNAME: account.name,
  LANG: 'C.UTF-8',
});

/** The machine that Holdpoint itself runs on. */
export const localHost = (): Host => ({
  kind: 'local',
  name: hostname(),
  run: runCommand,
  async place(files) {
    for (const file of files) await placeFile(file);
  },
  async read(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      return fileProblem(error, path);
    }
  },
  folder: makeFolder,
  async remove(path) {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      fileProblem(error, path);
    }
  },
  async exists(path) {
    return stat(path).then(
      () => true,
      () => false,
    );
  },
  portState,
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(await nearestFolder(path));
    return bavail * bsize;
  },
  account: accountOf,
  reach: (address) => Promise.resolve(address),
  async programs(names) {
    const found = names.map((name) => [name, findProgram(name)] as const);
    return new Map(found.flatMap(([name, path]) => (path === undefined ? [] : [[name, path] as const])));
  },
  // No line leads to it: there is nothing to tell.
  onNotice: () => () => undefined,
  close: () => Promise.resolve(),
});

function accountOf(name: string): Promise<Account | undefined>;
function accountOf(): Promise<Account>;
async function accountOf(name?: string): Promise<Account | undefined> {
  return name === undefined ? currentAccount() : findAccount(name);
}

/** The folder itself, or the nearest above it that is there: what lies in it will lie on the same disk. */
async function nearestFolder(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) if (at === '/' || (await isFolder(at))) return at;
}

async function runCommand(command: HostCommand, signal?: AbortSignal): Promise<CommandEnd> {
  const account = command.user === undefined ? currentAccount() : findAccount(command.user);
  if (account === undefined) return { kind: 'not-started', reason: `there is no user \`${command.user}\`` };
  const switches = account.uid !== process.getuid?.();
  if (switches && !isRoot()) {
    return { kind: 'not-started', reason: `only root may run a command as \`${account.name}\`` };
  }
  if (command.directory !== undefined && !(await isFolder(command.directory))) {
    return { kind: 'not-started', reason: `the folder ${command.directory} is not there` };
  }
  if (signal?.aborted === true) return { kind: 'cancelled', stdout: '', stderr: '', took: milliseconds(0) };
  return new Promise((resolve) => watchChild(command, account, switches, signal, resolve));
}

function watchChild(
  command: HostCommand,
  account: Account,
  switches: boolean,
  signal: AbortSignal | undefined,
  resolve: (end: CommandEnd) => void,
): void {
  const begun = process.hrtime.bigint();
  const took = () => milliseconds(Number((process.hrtime.bigint() - begun) / 1_000_000n));
  const [program, ...args] = command.argv;
  const child = spawn(program, args, {
    cwd: command.directory ?? '/',
    env: { ...cleanEnvironment(account), ...command.environment },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(switches ? { uid: account.uid, gid: account.gid } : {}),
  });
  const stdout = outputOf(command.onLine);
  const stderr = outputOf(command.onLine);
  child.stdout.on('data', stdout.take);
  child.stderr.on('data', stderr.take);
  // A command that does not read its input closes the pipe; that is its own affair.
  child.stdin.on('error', () => {});
  child.stdin.end(command.input ?? '');

  let ended: 'timed-out' | 'cancelled' | undefined;
  let killer: NodeJS.Timeout | undefined;
  const end = (why: 'timed-out' | 'cancelled') => {
    if (ended !== undefined) return;
    ended = why;
    signalGroup(child.pid, 'SIGTERM');
    killer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), TERM_TO_KILL);
  };
  const limit = setTimeout(() => end('timed-out'), command.timeLimit);
  const cancel = () => end('cancelled');
  signal?.addEventListener('abort', cancel, { once: true });

  let settled = false;
  const settle = (result: () => CommandEnd) => {
    if (settled) return;
    settled = true;
    clearTimeout(limit);
    clearTimeout(killer);
    signal?.removeEventListener('abort', cancel);
    // Whatever of the group is left after a forced end (a child that ignored SIGTERM) goes with it.
    if (ended !== undefined) signalGroup(child.pid, 'SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
    stdout.finish();
    stderr.finish();
    resolve(result());
  };
  child.on('error', (error) =>
    settle(() => ({ kind: 'not-started', reason: `${program}: ${codeOf(error) ?? error.message}` })),
  );
  const exited = (code: number | null, by: NodeJS.Signals | null) =>
    settle(() => {
      const output = { stdout: stdout.text(), stderr: stderr.text(), took: took() };
      if (ended !== undefined) return { kind: ended, ...output };
      // As a shell reports it: 128 and the signal's number, so that a killed command is no exit 0.
      return { kind: 'exited', code: code ?? 128 + signalNumber(by), ...output };
    });
  child.on('close', exited);
  child.on('exit', (code, by) => setTimeout(() => exited(code, by), PIPES_AFTER_EXIT).unref());
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};
const signalNumber = (signal: NodeJS.Signals | null): number => SIGNAL_NUMBERS[signal ?? ''] ?? 0;

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended already.
  }
}

/** Collects one stream: its last bytes, and its lines as they come. */
function outputOf(onLine: ((line: string) => void) | undefined) {
  const chunks: Buffer[] = [];
  let size = 0;
  let partial = '';
  return {
    take(chunk: Buffer) {
      chunks.push(chunk);
      size += chunk.length;
      for (let first = chunks[0]; first !== undefined && size - first.length >= KEPT_OUTPUT; first = chunks[0]) {
        chunks.shift();
        size -= first.length;
      }
      if (onLine === undefined) return;
      const lines = (partial + chunk.toString('utf8')).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    },
    finish() {
      if (onLine !== undefined && partial !== '') onLine(partial);
      partial = '';
    },
    text: () => Buffer.concat(chunks).subarray(-KEPT_OUTPUT).toString('utf8'),
  };
}

async function placeFile(file: PlacedFile): Promise<void> {
  if (!isAbsolute(file.path)) throw new Error(`placing ${file.path}: the path must be absolute`);
  const folder = dirname(file.path);
  const temporary = join(folder, `.${basename(file.path)}.${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(file.content);
      if (file.owner !== undefined) await giveTo(handle, file.owner);
      await handle.chmod(file.mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file.path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    fileProblem(error, file.path);
  }
}

/** Without this a power cut may take the rename back although the content was safe. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function giveTo(handle: { chown(uid: number, gid: number): Promise<void> }, owner: string): Promise<void> {
  const account = ownerAccount(owner);
  if (account !== undefined) await handle.chown(account.uid, account.gid);
}

/** The account to give a file to; undefined where it is the current user, who owns what it makes. */
function ownerAccount(owner: string): Account | undefined {
  const account = findAccount(owner);
  if (account === undefined) {
    return fail({
      kind: 'host',
      what: `there is no user \`${owner}\` on this machine`,
      next: 'install the packages that Holdpoint asks for, or make the user with `useradd --system`',
    });
  }
  if (account.uid === process.getuid?.()) return undefined;
  if (!isRoot()) {
    return fail({
      kind: 'host',
      what: `only root can give a file to the user \`${owner}\``,
      next: 'run the same command with sudo',
    });
  }
  return account;
}

async function makeFolder(path: string, settings: { readonly mode: number; readonly owner?: string }): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
    // A link in place of the folder would give somebody else's folder away.
    if ((await lstat(path)).isSymbolicLink()) throw new Error('it is a symbolic link');
    await chmod(path, settings.mode);
    const account = settings.owner === undefined ? undefined : ownerAccount(settings.owner);
    if (account !== undefined) await chown(path, account.uid, account.gid);
  } catch (error) {
    fileProblem(error, path);
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const FILE_PROBLEMS: Readonly<Record<string, { readonly what: string; readonly next: string }>> = {
  ENOSPC: { what: 'the disk is full', next: 'free space there (`df -h`), then run the command again' },
  EDQUOT: { what: 'the disk quota is used up', next: 'free space there, then run the command again' },
  EACCES: { what: 'permission denied', next: 'run the same command with sudo, or choose another --state DIR' },
  EPERM: { what: 'permission denied', next: 'run the same command with sudo, or choose another --state DIR' },
  EROFS: { what: 'the file system is read-only', next: 'mount it writable, or choose another --state DIR' },
  EEXIST: { what: 'a part of the path is a file', next: 'move that file away, or choose another --state DIR' },
  ENOTDIR: { what: 'a part of the path is a file', next: 'move that file away, or choose another --state DIR' },
};

/** A file system error as a Problem; ours pass through as they are. */
function fileProblem(error: unknown, path: string): never {
  const familiar = FILE_PROBLEMS[codeOf(error) ?? ''];
  if (familiar === undefined) throw error;
  return fail({ kind: 'host', what: familiar.what, where: path, next: familiar.next });
}
