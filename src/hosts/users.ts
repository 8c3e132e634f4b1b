import { fail } from '../evidence/problem.ts';
import { milliseconds } from '../evidence/units.ts';
import type { Host } from './host.ts';

/** Runs the control database. */
export const CONTROL_USER = 'holdpoint';
/** Runs the app's services: a user of their own, which owns nothing of ours. */
export const APP_USER = 'holdpoint-app';

/** Exit status of useradd(8). */
const NAME_TAKEN = 9;

/**
 * Makes the system users that are not there, and returns their names: none, the second time. Without root there is
 * nothing to make: all runs as the current user.
 */
export async function ensureUsers(
  host: Host,
  names: readonly string[] = [CONTROL_USER, APP_USER],
): Promise<readonly string[]> {
  if ((await host.account()).uid !== 0) return [];
  const made: string[] = [];
  for (const name of names) {
    if ((await host.account(name)) !== undefined) continue;
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
    if (end.kind === 'exited' && end.code === 0) {
      made.push(name);
      continue;
    }
    // The name is taken, which is what was wanted: two starts at once.
    if (end.kind === 'exited' && end.code === NAME_TAKEN) continue;
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
