import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '../evidence/problem.ts';
import { LONGEST_SOCKET_PATH } from '../hosts/unix-socket.ts';

const fits = (directory: string, file: string): boolean =>
  Buffer.byteLength(join(directory, file)) <= LONGEST_SOCKET_PATH;

/**
 * Where the socket `file` can be made: `wanted` where its path is short enough, else a directory under /run (root) or
 * the temporary directory that is named after `wanted`, so that each process finds the same one.
 *
 * @throws ProblemError `host` where somebody else has put something in its place
 */
export function socketDirectory(wanted: string, file: string): string {
  if (fits(wanted, file)) return wanted;
  const userId = process.getuid?.() ?? 0;
  const name = `holdpoint-${userId}-${createHash('sha256').update(wanted).digest('hex').slice(0, 16)}`;
  const short = join(userId === 0 ? '/run' : (process.env.XDG_RUNTIME_DIR ?? tmpdir()), name);
  if (!fits(short, file))
    return fail({
      kind: 'host',
      what: `no path short enough for a socket: at most ${LONGEST_SOCKET_PATH} bytes are possible`,
      where: join(short, file),
      next: 'give a state directory with a shorter path with --state DIR',
    });
  mkdirSync(short, { recursive: true, mode: 0o700 });
  const found = lstatSync(short);
  // In a directory that everybody may write to, somebody else could have been first.
  if (!found.isDirectory() || (found.uid !== userId && userId !== 0))
    return fail({
      kind: 'host',
      what: 'the directory for our sockets is not ours',
      where: short,
      next: `look who made it (ls -ld ${short}), or give a state directory with a shorter path with --state DIR`,
    });
  return short;
}

const RESIDENT = 'holdpoint.sock';

/** Where the resident process of a state directory listens. */
export const socketPath = ({ run }: { readonly run: string }): string => join(socketDirectory(run, RESIDENT), RESIDENT);
