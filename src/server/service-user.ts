import { execFileSync } from 'node:child_process';
import { fail } from '../evidence/problem.ts';

/** The system user that the control database runs as when Holdpoint is root: Postgres refuses to run as root. */
export const SERVICE_USER = 'holdpoint';

export type ServiceUser =
  /** Holdpoint is not root: everything runs as the person who started it. */
  | { readonly kind: 'self' }
  | { readonly kind: 'system'; readonly uid: number; readonly gid: number }
  | { readonly kind: 'missing'; readonly command: string };

const ADD_USER = [
  '--system',
  '--user-group',
  '--no-create-home',
  '--home-dir',
  '/nonexistent',
  '--shell',
  '/usr/sbin/nologin',
  SERVICE_USER,
];

export function serviceUser(): ServiceUser {
  if (process.getuid?.() !== 0) return { kind: 'self' };
  const uid = idOf('-u');
  const gid = idOf('-g');
  if (uid === undefined || gid === undefined) return { kind: 'missing', command: `useradd ${ADD_USER.join(' ')}` };
  return { kind: 'system', uid, gid };
}

function idOf(which: '-u' | '-g'): number | undefined {
  try {
    const id = Number(
      execFileSync('id', [which, SERVICE_USER], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    return Number.isInteger(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

/** Makes the system user where it is missing. It changes the host: whoever calls this has asked before. */
export function ensureUser(): ServiceUser {
  const found = serviceUser();
  if (found.kind !== 'missing') return found;
  try {
    execFileSync('useradd', ADD_USER, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (thrown) {
    const said = thrown instanceof Error && 'stderr' in thrown ? String(thrown.stderr).trim() : String(thrown);
    return fail({
      kind: 'host',
      what: `the system user ${SERVICE_USER} cannot be made`,
      where: found.command,
      next: `make it yourself with that command, or give a Postgres of your own with --database-url-file FILE`,
      detail: said.split('\n').slice(-5),
    });
  }
  const made = serviceUser();
  if (made.kind !== 'missing') return made;
  return fail({
    kind: 'host',
    what: `the system user ${SERVICE_USER} is not there although it was made`,
    where: found.command,
    next: 'look into /etc/passwd and /etc/nsswitch.conf',
  });
}
