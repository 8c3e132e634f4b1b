import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fail, type Problem } from '../evidence/problem.ts';
import { installPostgres, type PostgresPrograms } from './postgres-programs.ts';
import type { ServiceUser } from './service-user.ts';
import { socketDirectory } from './socket-path.ts';

export const PORT = 5432;
export const SOCKET = `.s.PGSQL.${PORT}`;
export const OWNER = 'holdpoint';

export type EmbeddedOptions = {
  /** Where the programs, the data and the socket lie. */
  readonly directory: string;
  readonly logFile: string;
  readonly password: string;
  readonly user: ServiceUser;
  readonly log: (line: string) => void;
};

export type Cluster = EmbeddedOptions & {
  readonly programs: PostgresPrograms;
  readonly data: string;
  readonly socket: string;
};

/** Everything that a start needs, made where it is not there yet. */
export async function prepare(options: EmbeddedOptions): Promise<Cluster> {
  if (options.user.kind === 'missing')
    return fail({
      kind: 'host',
      what: 'Postgres refuses to run as root, and the system user for it is missing',
      next: `run \`${options.user.command}\`, or give a Postgres of your own with --database-url-file FILE`,
    });
  const programs = installPostgres(options.directory);
  const data = join(options.directory, 'data');
  const socket = ownedDirectory(socketDirectory(join(options.directory, 'socket'), `${SOCKET}.lock`), options.user);
  refuseClosedWay(options);
  const cluster = { ...options, programs, data, socket };
  if (!existsSync(data)) await initialise(cluster);
  refuseDamaged(cluster);
  return cluster;
}

function ownedDirectory(path: string, user: ServiceUser): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  if (user.kind === 'system') chownSync(path, user.uid, user.gid);
  return path;
}

/** As another user, the server must be able to walk down to its data. */
function refuseClosedWay({ directory, user }: EmbeddedOptions): void {
  if (user.kind !== 'system') return;
  for (let at = directory; at !== dirname(at); at = dirname(at)) {
    if ((statSync(at).mode & 0o001) !== 0) continue;
    fail({
      kind: 'host',
      what: `the control database runs as the user ${OWNER}, who may not enter this directory`,
      where: at,
      next: `allow it (chmod o+x ${at}), or give a state directory elsewhere with --state DIR`,
    });
  }
}

/** Made beside its place and moved there when it is whole, so that a `kill -9` leaves no half-made data directory. */
async function initialise(cluster: Cluster): Promise<void> {
  const { directory, data, programs, user } = cluster;
  for (const name of readdirSync(directory))
    if (name.startsWith('data.') && name.endsWith('.new')) rmSync(join(directory, name), { recursive: true });
  const fresh = ownedDirectory(`${data}.${process.pid}.new`, user);
  const passwordFile = join(fresh, '..', `data.${process.pid}.password.new`);
  writeFileSync(passwordFile, `${cluster.password}\n`, { mode: 0o600, flag: 'wx' });
  try {
    if (user.kind === 'system') chownSync(passwordFile, user.uid, user.gid);
    const options = ['--auth-local=scram-sha-256', '--auth-host=scram-sha-256', '--locale=C', '--encoding=UTF8'];
    await promisify(execFile)(
      join(programs.bin, 'initdb'),
      ['-D', fresh, `--username=${OWNER}`, `--pwfile=${passwordFile}`, ...options],
      { ...asUser(user), env: ENVIRONMENT, cwd: directory },
    );
  } catch (thrown) {
    rmSync(fresh, { recursive: true, force: true });
    // EACCES: the program itself could not be run, so it has said nothing.
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EACCES') fail(mayNotRun(programs.bin));
    const said = thrown instanceof Error && 'stderr' in thrown ? String(thrown.stderr) : String(thrown);
    fail(explain(said.trim().split('\n').slice(-8), data, 'the control database cannot be made'));
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(fresh, data);
}

/** Nothing of ours: the environment of the resident process may hold secrets, and a server's is readable in /proc. */
export const ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

export const asUser = (user: ServiceUser): { uid?: number; gid?: number } =>
  user.kind === 'system' ? { uid: user.uid, gid: user.gid } : {};

const mayNotRun = (programs: string): Problem => ({
  kind: 'host',
  what: 'the control database cannot be made: programs may not be run in the state directory',
  where: programs,
  next: 'look at `findmnt -T` of that path (noexec keeps programs from running), and name another folder with --state',
});

function refuseDamaged({ data, programs }: Cluster): void {
  const versionFile = join(data, 'PG_VERSION');
  if (!existsSync(versionFile) || !existsSync(join(data, 'global', 'pg_control')))
    fail({
      kind: 'host',
      what: 'the data directory of the control database is damaged: files that Postgres needs are missing',
      where: data,
      next: 'put it back from a backup of the state directory; nothing was removed',
    });
  const major = readFileSync(versionFile, 'utf8').trim();
  if (major !== programs.major)
    fail({
      kind: 'host',
      what: `the control database was made by Postgres ${major}; this Holdpoint carries ${programs.major}`,
      where: data,
      next: 'export the ledger with the Holdpoint that made it, or use that one',
    });
}

/** The server's last words as a Problem that says what a person can do. */
export function explain(said: readonly string[], where: string, what: string): Problem {
  const text = said.join('\n');
  const detail = said.slice(-8);
  if (/No space left on device/.test(text))
    return {
      kind: 'host',
      what: `${what}: the disk is full`,
      where,
      next: 'free some space; it goes on by itself',
      detail,
    };
  if (/Permission denied/.test(text))
    return {
      kind: 'host',
      what: `${what}: rights are missing`,
      where,
      next: 'look at the owner and mode below',
      detail,
    };
  if (
    /PANIC|could not locate a valid checkpoint|invalid checkpoint|is not a database cluster|incompatible|could not (open|read) file|incorrect checksum|is corrupted/.test(
      text,
    )
  )
    return {
      kind: 'host',
      what: `${what}: its data directory is damaged`,
      where,
      next: 'put it back from a backup of the state directory; nothing was removed',
      detail,
    };
  return {
    kind: 'host',
    what,
    where,
    next: 'see the lines above, and logs/postgres.log in the state directory',
    detail,
  };
}
