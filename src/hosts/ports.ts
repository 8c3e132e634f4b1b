import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fail, type Problem } from '../evidence/problem.ts';
import type { PortHolder, PortState } from './host.ts';

/** Is a TCP port of 127.0.0.1 free? Found out by binding it for a moment, which nothing in /proc can contradict. */
export async function portState(port: number): Promise<PortState> {
  const error = await bind(port);
  if (error === undefined) return { kind: 'free' };
  if (error !== 'EADDRINUSE') {
    return fail({
      kind: 'host',
      what: `port ${port} of 127.0.0.1 cannot be used: ${error}`,
      where: `127.0.0.1:${port}`,
      next: error === 'EACCES' ? 'choose a port above 1023, or run as root' : 'choose another port',
    });
  }
  return { kind: 'taken', by: await holderOf(port) };
}

function bind(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

export function portProblem(port: number, by: PortHolder): Problem {
  const who = by === undefined ? 'another process (its owner is another user)' : `${by.program} (pid ${by.pid})`;
  return {
    kind: 'host',
    what: `port ${port} is in use by ${who}`,
    where: `127.0.0.1:${port}`,
    next:
      by === undefined
        ? `see who it is with \`sudo ss -ltnp 'sport = :${port}'\`, or choose another port in holdpoint.yaml`
        : `stop that process, or choose another port in holdpoint.yaml`,
  };
}

/** State 0A of /proc/net/tcp: LISTEN. */
const LISTEN = '0A';

async function holderOf(port: number): Promise<PortHolder> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set(
    tables
      .flatMap((table) => table.split('\n').slice(1))
      .map((line) => line.trim().split(/\s+/))
      .filter((field) => field[1]?.endsWith(wanted) === true && field[3] === LISTEN)
      .flatMap((field) => (field[9] === undefined ? [] : [`socket:[${field[9]}]`])),
  );
  if (inodes.size === 0) return undefined;
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !(await holdsOne(pid, inodes))) continue;
    const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'unknown');
    return { pid, program: program.trim() };
  }
  return undefined;
}

/** Other users' descriptors cannot be read without root: those processes hold nothing that we could name. */
async function holdsOne(pid: number, inodes: ReadonlySet<string>): Promise<boolean> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const name of names) {
    const target = await readlink(`/proc/${pid}/fd/${name}`).catch(() => '');
    if (inodes.has(target)) return true;
  }
  return false;
}
