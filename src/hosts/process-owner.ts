import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { isRoot } from './accounts.ts';

/**
 * What the kernel shows of a process to its own user alone, or to root with CAP_SYS_PTRACE (ptrace(2), "Ptrace access
 * mode checking"). A container usually takes that from root: then a short-lived command looks as the process's user.
 */
type Pids = readonly number[];

const LOOK_LIMIT_MS = 5_000;

/** The value of one environment variable in each process that has it. Processes that may not be seen are not in it. */
export function variableOf(name: string, pids: Pids): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  const refused = pids.filter((pid) => {
    const text = unlessRefused(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
    if (text === 'refused') return true;
    const entry = text?.split('\0').find((variable) => variable.startsWith(`${name}=`));
    if (entry !== undefined) found.set(pid, entry.slice(name.length + 1));
    return false;
  });
  const files = (some: Pids) => some.map((pid) => `/proc/${pid}/environ`);
  // One record is `file NUL variable=value NUL`.
  const output = seenByOwners(refused, (some) => ['grep', '-zasHoZ', '-e', `^${name}=.*`, ...files(some)]);
  const fields = output.split('\0');
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const pid = pidIn(fields[at]);
    if (pid !== undefined) found.set(pid, fields[at + 1]?.slice(name.length + 1) ?? '');
  }
  return found;
}

export type ProcessLinks = { readonly program: string; readonly directory: string };

/** Paths of the program and of the working directory of each process that may be seen. */
export function linksOf(pids: Pids): ReadonlyMap<number, ProcessLinks> {
  const found = new Map<number, ProcessLinks>();
  const refused = pids.filter((pid) => {
    const links = unlessRefused(() => ({
      program: readlinkSync(`/proc/${pid}/exe`),
      directory: readlinkSync(`/proc/${pid}/cwd`),
    }));
    if (links === 'refused') return true;
    if (links !== undefined) found.set(pid, links);
    return false;
  });
  const files = (some: Pids) => some.flatMap((pid) => [`/proc/${pid}/exe`, `/proc/${pid}/cwd`]);
  const output = seenByOwners(refused, (some) => ['find', ...files(some), '-maxdepth', '0', '-printf', '%p\\0%l\\0']);
  const fields = output.split('\0');
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const pid = pidIn(fields[at]);
    const [program, directory] = [fields[at + 1], fields[at + 3]];
    // A link that could not be read is empty, and the process is as good as unseen.
    if (pid !== undefined && pid === pidIn(fields[at + 2]) && program && directory)
      found.set(pid, { program, directory });
  }
  return found;
}

const pidIn = (path: string | undefined): number | undefined => {
  const digits = /^\/proc\/(\d+)\//.exec(path ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** Undefined where the process is gone. */
function unlessRefused<T>(look: () => T): T | 'refused' | undefined {
  try {
    return look();
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
    return code === 'EACCES' || code === 'EPERM' ? 'refused' : undefined;
  }
}

/** What a command prints that looks at processes, run once as each of the users that they belong to. */
function seenByOwners(pids: Pids, command: (some: Pids) => readonly string[]): string {
  if (!isRoot()) return '';
  const owners = new Map<string, { readonly uid: number; readonly gid: number; readonly pids: number[] }>();
  for (const pid of pids) {
    const stat = unlessRefused(() => statSync(`/proc/${pid}`));
    // Root's own that are refused have rights that we lack: looking as root again would show no more.
    if (stat === undefined || stat === 'refused' || stat.uid === 0) continue;
    const { uid, gid } = stat;
    const owner = owners.get(`${uid}:${gid}`) ?? { uid, gid, pids: [] };
    owner.pids.push(pid);
    owners.set(`${uid}:${gid}`, owner);
  }
  return [...owners.values()]
    .map(({ uid, gid, pids: some }) => {
      const [program = '', ...rest] = command(some);
      const options = { uid, gid, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, timeout: LOOK_LIMIT_MS };
      // The exit status says that one of the processes is gone by now; the others are printed all the same.
      return spawnSync(program, rest, { ...options, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).stdout ?? '';
    })
    .join('');
}
