import { execFileSync } from 'node:child_process';
import { userInfo } from 'node:os';

/** A user of this machine, as the system's user database tells it. */
export type Account = { readonly name: string; readonly uid: number; readonly gid: number; readonly home: string };

export const isRoot = (): boolean => process.getuid?.() === 0;

/** The user that Holdpoint runs as. */
export function currentAccount(): Account {
  const { username, uid, gid, homedir } = userInfo();
  return { name: username, uid, gid, home: homedir };
}

const known = new Map<string, Account>();

/** Looks a user up through `getent`, so that directory services count too; undefined where there is none. */
export function findAccount(name: string): Account | undefined {
  const remembered = known.get(name);
  if (remembered !== undefined) return remembered;
  let line: string;
  try {
    line = execFileSync('getent', ['passwd', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
  const [found, , uid, gid, , home] = line.trim().split(':');
  if (found === undefined || uid === undefined || gid === undefined || home === undefined) return undefined;
  const account = { name: found, uid: Number(uid), gid: Number(gid), home };
  known.set(name, account);
  return account;
}
