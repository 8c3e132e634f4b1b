import { fail } from '../evidence/problem.ts';
import { milliseconds } from '../evidence/units.ts';
import { findAccount, isRoot } from './accounts.ts';
import type { Host } from './host.ts';

/** Runs the control database. */
export const CONTROL_USER = 'holdpoint';
/** Runs the app's services: a user of their own, which owns nothing of ours. */
export const APP_USER = 'holdpoint-app';

/** Makes the system users that are not there, and returns their names. Without root there is nothing to make: all runs as the current user. */
export async function ensureUsers(
  host: Host,
  names: readonly string[] = [CONTROL_USER, APP_USER],
): Promise<readonly string[]> {
  if (!isRoot()) return [];
  const made: string[] = [];
  for (const name of names) {
    if (findAccount(name) !== undefined) continue;
    const end = await host.run({
      argv: [
        'useradd',
        '--system',
        '--user-group',
        '--no-create-home',
        '--home-dir',
        '/nonexistent',
        '--shell',
        '/usr/sbin/nologin',
        name,
      ],
      timeLimit: milliseconds(30_000),
    });
    // Status 9: the name is taken, which is what was wanted (two starts at once).
    if (end.kind === 'exited' && (end.code === 0 || end.code === 9)) {
      made.push(name);
      continue;
    }
    fail({
      kind: 'host',
      what: `the system user \`${name}\` could not be made`,
      where: host.name,
      detail: 'reason' in end ? [end.reason] : end.stderr.split('\n').filter((line) => line !== ''),
      next: `sudo useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${name}`,
    });
  }
  return made;
}
