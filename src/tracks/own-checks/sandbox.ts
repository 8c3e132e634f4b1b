import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from '../../config/app.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import { milliseconds } from '../../evidence/units.ts';
import { findAccount, isRoot } from '../../hosts/accounts.ts';
import type { CommandEnd, Host } from '../../hosts/host.ts';
import { SYSTEM_PATH } from '../../hosts/local.ts';
import { ensureUsers } from '../../hosts/users.ts';
import type { Tree } from '../../releases/source-tree.ts';
import { copyTree } from '../../releases/source-tree.ts';

/**
 * Runs a team's own checks: a user of their own, because the app's services run as another one whose files hold the
 * app's secrets.
 */
export const CHECK_USER = 'holdpoint-check';

export type SandboxSettings = {
  /** The machine that Holdpoint itself runs on. */
  readonly host: Host;
  /** Working space below which every user may pass. */
  readonly scratchFolder: string;
  readonly source: Tree;
  /** The built tree, of which everything that the source has not is there as well: `node_modules`, `dist`. */
  readonly built: string | undefined;
  /** PEM file of an authority that the check may trust. */
  readonly caFile: string | undefined;
};

export type Sandbox = {
  /** The copy of the source, in which a command begins. */
  readonly source: string;
  /** The copy of the authority's certificate. */
  readonly caFile: string | undefined;
  /** How a check is kept apart from the rest of the machine, where it is not kept apart as it should be; else undefined. */
  readonly weakness: string | undefined;
  /** Puts a file of ours into the copy of the source. */
  add(path: string, content: string): Promise<void>;
  run(
    command: Command,
    settings: { readonly environment: Readonly<Record<string, string>>; readonly timeLimit: Milliseconds },
    signal: AbortSignal,
  ): Promise<CommandEnd>;
};

/**
 * A place for one check: a copy of the source that it cannot write to, a home of its own, no privileges to gain, and
 * where the kernel lets us a process namespace, so that nothing of it is left when it has ended. Removed afterwards.
 */
export async function inSandbox<T>(settings: SandboxSettings, work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  await mkdir(settings.scratchFolder, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(settings.scratchFolder, 'check-'));
  try {
    return await work(await furnish(folder, settings));
  } finally {
    await writable(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

async function furnish(folder: string, { host, source: tree, built, caFile }: SandboxSettings): Promise<Sandbox> {
  const [source, home] = [join(folder, 'source'), join(folder, 'home')];
  await chmod(folder, 0o755);
  await mkdir(home, { mode: 0o700 });
  await copyTree(tree, source);
  if (built !== undefined) await linkWhatWasBuilt(built, source);
  await readOnly(tree, source);
  const ca = caFile === undefined ? undefined : join(folder, 'authority.pem');
  if (caFile !== undefined && ca !== undefined) {
    await copyFile(caFile, ca);
    await chmod(ca, 0o444);
  }
  const user = isRoot() ? await checkUser(host, home) : undefined;
  const apart = await processNamespace(host);
  const path = await pathWithNode(folder);
  return {
    source,
    caFile: ca,
    weakness: weaknessOf(user, apart),
    async add(relative, content) {
      const target = join(source, relative);
      await chmod(dirname(target), 0o755);
      await writeFile(target, content, { mode: 0o444, flag: 'wx' });
      await chmod(dirname(target), 0o555);
    },
    run: (command, { environment, timeLimit }, signal) =>
      host.run(
        {
          argv: [...prefix(user, apart), ...command],
          // The namespace is made by root, which then becomes the user; without it the host does that.
          ...(user === undefined || apart ? {} : { user }),
          directory: source,
          environment: {
            PATH: path,
            HOME: home,
            TMPDIR: home,
            ...(user === undefined ? {} : { USER: user, LOGNAME: user }),
            ...environment,
          },
          timeLimit,
        },
        signal,
      ),
  };
}

/** `no-new-privs`: no setuid program gives back what the user does not have. */
function prefix(user: string | undefined, apart: boolean): Command {
  const become = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  if (!apart) return ['setpriv', '--no-new-privs', '--'];
  return [...NAMESPACE, 'setpriv', '--no-new-privs', ...become, '--'];
}

/** Ends with its first process, whatever that started; shows no other process of the machine. */
const NAMESPACE: Command = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];

/** Root has it almost everywhere; a container without CAP_SYS_ADMIN has it not. */
async function processNamespace(host: Host): Promise<boolean> {
  if (!isRoot()) return false;
  const end = await host.run({ argv: [...NAMESPACE, 'true'], timeLimit: milliseconds(10_000) });
  return end.kind === 'exited' && end.code === 0;
}

function weaknessOf(user: string | undefined, apart: boolean): string | undefined {
  if (user === undefined)
    return 'run as the user that Holdpoint runs as, so nothing kept it from that user’s files: only root can give a check a user of its own';
  return apart
    ? undefined
    : 'run without a process namespace, which this machine refuses: what it left running was not looked for';
}

async function checkUser(host: Host, home: string): Promise<string> {
  await ensureUsers(host, [CHECK_USER]);
  const account = findAccount(CHECK_USER);
  if (account !== undefined) await chown(home, account.uid, account.gid);
  return CHECK_USER;
}

/** Node first, as it is for the services. Where others may not run it (a version manager in root's home), a copy of it. */
async function pathWithNode(folder: string): Promise<string> {
  const own = dirname(process.execPath);
  if (SYSTEM_PATH.split(':').includes(own)) return SYSTEM_PATH;
  if (!isRoot() || (await everybodyMayRun(process.execPath))) return `${own}:${SYSTEM_PATH}`;
  await mkdir(join(folder, 'bin'), { mode: 0o755 });
  await copyFile(process.execPath, join(folder, 'bin', 'node'));
  await chmod(join(folder, 'bin', 'node'), 0o555);
  return `${join(folder, 'bin')}:${SYSTEM_PATH}`;
}

async function everybodyMayRun(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === '/') return true;
  }
}

async function linkWhatWasBuilt(built: string, source: string): Promise<void> {
  const there = new Set(await readdir(source));
  for (const name of await readdir(built)) {
    if (!there.has(name)) await symlink(join(built, name), join(source, name));
  }
}

/** As a checkout has them, whatever modes the working tree has: everybody may read, nobody write. */
async function readOnly(tree: Tree, source: string): Promise<void> {
  for (const { path, kind } of tree.files)
    if (kind !== 'link') await chmod(join(source, path), kind === 'executable' ? 0o555 : 0o444);
  for (const folder of foldersOf(tree)) await chmod(join(source, folder), 0o555);
}

function foldersOf(tree: Tree): readonly string[] {
  const folders = new Set(['.']);
  for (const { path } of tree.files) for (let at = dirname(path); at !== '.'; at = dirname(at)) folders.add(at);
  return [...folders];
}

/** Without root nobody removes a file from a folder that is not to be written to. */
async function writable(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    await chmod(path, 0o700).catch(() => {});
    await writable(path);
  }
}
