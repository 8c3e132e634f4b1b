import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** An engine of the test's own, beside the machine's: it can be killed and filled up. */
export type OwnEngine = {
  readonly socket: string;
  /** The network that it is in, as a file for `nsenter`: ports that it publishes are reached from there alone. */
  readonly network: string;
  /** SIGKILL, to the engine and to the containerd that it started. Containers live on. */
  kill(): Promise<void>;
  /** SIGTERM, as when its service is stopped: containers end with it. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** A command in the engine's network, which reaches nothing but itself; ended with the engine. */
  inside(argv: readonly [string, ...string[]]): void;
  close(): Promise<void>;
};

/**
 * Starts a dockerd in a network of its own: it takes away the default bridge and writes firewall rules, which must not be
 * the machine's.
 *
 * @param size of the disk that it gets, in MiB; absent: a folder
 * @param options further ones for dockerd
 */
export async function ownEngine({
  size,
  options = [],
}: {
  readonly size?: number;
  readonly options?: readonly string[];
} = {}): Promise<OwnEngine> {
  const folder = await mkdtemp('/var/tmp/hp-engine-');
  const socket = join(folder, 's');
  const data = join(folder, 'data');
  await mkdir(data);
  // Not the machine's.
  const configuration = join(folder, 'daemon.json');
  await writeFile(configuration, '{}');
  if (size !== undefined) await run('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', data]);
  const argv = [
    `--data-root=${data}`,
    `--exec-root=${join(folder, 'exec')}`,
    `--pidfile=${join(folder, 'pid')}`,
    `--host=unix://${socket}`,
    '--bridge=none',
    '--iptables=false',
    '--ip6tables=false',
    '--shutdown-timeout=2',
    `--config-file=${configuration}`,
    ...options,
  ];
  // Holds the network while the engine is away.
  const anchor = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up; echo up; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  anchor.unref();
  await once(anchor.stdout, 'data');
  const pids = async () =>
    (
      await Promise.all(
        ['pid', 'exec/containerd/containerd.pid', 'exec/containerd.pid'].map((file) =>
          readFile(join(folder, file), 'utf8').catch(() => ''),
        ),
      )
    )
      .map(Number)
      .filter((pid) => pid > 0);
  const signal = async (which: NodeJS.Signals) => {
    const found = await pids();
    for (const pid of found) {
      try {
        process.kill(pid, which);
      } catch {
        // It has ended.
      }
    }
    for (const pid of found) await ended(pid);
  };
  const beside: ChildProcess[] = [];
  const engine: OwnEngine = {
    socket,
    inside: (argv) => void beside.push(spawn('nsenter', [`--net=${engine.network}`, ...argv], { stdio: 'ignore' })),
    network: `/proc/${anchor.pid}/ns/net`,
    kill: () => signal('SIGKILL'),
    stop: () => signal('SIGTERM'),
    async start() {
      // After a kill a first start may fail on what was left behind; the next one then works.
      for (let attempt = 0; attempt < 2; attempt++) {
        await rm(join(folder, 'pid'), { force: true });
        // A containerd that was killed leaves these; the next one would be waited for in vain for 15 s.
        for (const file of ['pid', 'sock', 'sock.ttrpc'])
          await rm(join(folder, `exec/containerd/containerd.${file}`), { force: true });
        const child = spawn('nsenter', [`--net=${engine.network}`, 'dockerd', ...argv], {
          stdio: 'ignore',
          detached: true,
        });
        child.unref();
        child.on('error', () => {});
        if (await answers(socket, () => child.exitCode !== null)) return;
        // One that is only slow would live on beside the next one.
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      throw new Error('dockerd did not start');
    },
    async close() {
      for (const child of beside) child.kill('SIGKILL');
      await signal('SIGTERM');
      await endShims(folder);
      anchor.kill('SIGKILL');
      // An engine mounts its own folder once more.
      // With a mount goes what was mounted below it; what is left nevertheless is told by `rm`.
      // One below another goes with it.
      for (const mount of await mountsBelow(folder)) await run('umount', ['-l', mount]).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await engine.start();
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function answers(socketPath: string, gaveUp: () => boolean): Promise<boolean> {
  for (let round = 0; round < 400 && !gaveUp(); round++) {
    const status = await new Promise((resolve) => {
      const asked = request({ socketPath, path: '/_ping' }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', () => resolve(undefined));
      asked.end();
    });
    if (status === 200) return true;
    await sleep(100);
  }
  return false;
}

async function ended(pid: number): Promise<void> {
  // One that goes down in order on a busy machine takes its time, and removes socket and pid file last of all.
  for (let round = 0; round < 1_200; round++) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (state === '' || /\) [ZX] /.test(state)) return;
    await sleep(50);
  }
  throw new Error(`the process ${pid} does not end`);
}

async function run(program: string, argv: readonly string[]): Promise<void> {
  const [code] = await once(spawn(program, argv, { stdio: 'ignore' }), 'exit');
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

async function mountsBelow(folder: string): Promise<readonly string[]> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  return mounts.filter((mount) => mount.startsWith(`${folder}/`)).reverse();
}

/** What holds containers outlives an engine that was killed. */
async function endShims(folder: string): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!command.includes('containerd-shim') || !command.includes(`${folder}/`)) continue;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    for (const one of [...children.split(' ').map(Number), Number(pid)].filter((found) => found > 0)) {
      try {
        process.kill(one, 'SIGKILL');
      } catch {
        // It has ended.
      }
      await ended(one);
    }
  }
}
