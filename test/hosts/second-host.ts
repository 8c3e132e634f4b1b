import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { localHost } from '../../src/hosts/local.ts';
import { installPackages, missingPackages } from '../../src/hosts/packages.ts';
import { type SshHost, type SshHostSettings, sshHost } from '../../src/hosts/ssh/host.ts';
import { agentProgram } from '../../src/runtimes/remote/program.ts';
import { noNamespaces } from '../namespaces.ts';

const run = promisify(execFile);

/** Why a second host cannot be made here; undefined where it can. */
export const noSecondHost: string | undefined = noNamespaces;

/**
 * Another host as far as the network goes: a network namespace with a real sshd in it, at the far end of a pair of
 * virtual interfaces. Its file system, users and processes are this machine's.
 */
export type SecondHost = {
  /** What ssh takes, with `sshOptions`. */
  readonly destination: string;
  readonly sshOptions: readonly string[];
  /** Of ssh(1), for tests that change it. */
  readonly configuration: string;
  readonly knownHosts: string;
  /** Below which Holdpoint's agent keeps its things there. */
  readonly root: string;
  /** A folder here, for control sockets. */
  readonly folder: string;
  readonly namespace: string;
  connect(more?: Partial<SshHostSettings>): Promise<SshHost>;
  /** What `connect` connects with, as data. */
  readonly settings: Omit<SshHostSettings, 'agent'>;
  /** Ids of the agents that run there. */
  agents(): readonly number[];
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Gives sshd another host key, as a machine that was installed anew has. */
  newHostKey(): Promise<void>;
  /** Starts sshd anew with further lines in its configuration. */
  configure(more: string): Promise<void>;
  /** A command in the namespace. */
  inside(argv: readonly [string, ...string[]]): ReturnType<typeof spawn>;
  close(): Promise<void>;
};

/** Where Holdpoint keeps its things on a host as root, unless it is told another place. */
const USUAL_ROOT = '/var/lib/holdpoint-agent';

export async function secondHost(): Promise<SecondHost> {
  await needPackages();
  const parent = await mkdtemp(join(tmpdir(), 'hp2-'));
  await chmod(parent, 0o755);
  const tag = createHash('sha256').update(parent).digest('hex').slice(0, 6);
  const net = namesOf(tag);
  const folder = join(parent, 'near');
  const root = join(parent, 'far');
  await mkdir(folder, { mode: 0o700 });
  await mkdir(root, { mode: 0o755 });
  await makeNamespace(net);
  const file = (name: string) => join(parent, name);
  await keyPair(file('host'));
  await keyPair(file('user'));
  await writeFile(file('authorized'), await readFile(file('user.pub'), 'utf8'), { mode: 0o600 });
  await writeFile(file('sshd_config'), sshdConfiguration(net.far, file), { mode: 0o600 });
  await writeFile(file('known_hosts'), await knownHost(net.far, file('host.pub')));
  await writeFile(file('ssh_config'), sshConfiguration(net.far, file), { mode: 0o600 });
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  await mkdir(USUAL_ROOT, { recursive: true, mode: 0o755 });
  let sshd = await startSshd(net, file);
  const configuration = file('ssh_config');
  const sshOptions = ['-F', configuration];
  const open = new Set<SshHost>();
  const agents = () => agentsOf(root);
  const settings = { name: 'second', destination: 'second', folder, sshOptions, root };
  return {
    destination: 'second',
    settings,
    sshOptions,
    configuration,
    knownHosts: file('known_hosts'),
    root,
    folder,
    namespace: net.namespace,
    async connect(more = {}) {
      const host = await sshHost({ ...settings, agent: await agentProgram(), ...more });
      open.add(host);
      return host;
    },
    agents,
    cut: () => command('ip', 'link', 'set', net.here, 'down'),
    mend: () => command('ip', 'link', 'set', net.here, 'up'),
    async newHostKey() {
      endGroup(sshd);
      await rm(file('host'));
      await rm(file('host.pub'));
      await keyPair(file('host'));
      sshd = await startSshd(net, file);
    },
    async configure(more) {
      endGroup(sshd);
      await writeFile(file('sshd_config'), `${sshdConfiguration(net.far, file)}${more}\n`, { mode: 0o600 });
      sshd = await startSshd(net, file);
    },
    inside: ([program, ...words]) =>
      spawn('ip', ['netns', 'exec', net.namespace, program, ...words], { stdio: 'ignore' }),
    async close() {
      for (const host of open) await host.close();
      // Agents, and whatever they left running.
      for (const pid of await processesIn(net)) endGroup(pid);
      endGroup(sshd);
      // What was killed above may be writing its last.
      for (let left = 20; left > 0 && (await processesIn(net)).length > 0; left--) await sleep(50);
      await removeNamespace(net);
      rmSync(parent, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function needPackages(): Promise<void> {
  const host = localHost();
  const needs = [
    { package: 'openssh-server', program: 'sshd' },
    { package: 'iproute2', program: 'ip' },
  ];
  // Under the guard: Debian's own sshd is not started.
  await installPackages(host, await missingPackages(host, needs));
}

type Names = {
  readonly namespace: string;
  readonly here: string;
  readonly there: string;
  /** Addresses of both ends. */
  readonly near: string;
  readonly far: string;
};

/** An interface's name has 15 characters at most. Each second host has a network of its own in 10.213.0.0/16. */
function namesOf(tag: string): Names {
  const third = Number.parseInt(tag.slice(0, 2), 16);
  const block = Number.parseInt(tag.slice(2, 4), 16) & 0xfc;
  return {
    namespace: `hp-${tag}`,
    here: `hp-${tag}-a`,
    there: `hp-${tag}-b`,
    near: `10.213.${third}.${block + 1}`,
    far: `10.213.${third}.${block + 2}`,
  };
}

async function command(program: string, ...words: readonly string[]): Promise<void> {
  await run(program, [...words]);
}

async function makeNamespace({ namespace, here, there, near, far }: Names): Promise<void> {
  const inside = (...words: readonly string[]) => command('ip', '-n', namespace, ...words);
  await command('ip', 'netns', 'add', namespace);
  await command('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', namespace);
  await command('ip', 'address', 'add', `${near}/30`, 'dev', here);
  await command('ip', 'link', 'set', here, 'up');
  await inside('address', 'add', `${far}/30`, 'dev', there);
  await inside('link', 'set', there, 'up');
  await inside('link', 'set', 'lo', 'up');
}

async function processesIn({ namespace }: Names): Promise<readonly number[]> {
  const { stdout } = await run('ip', ['netns', 'pids', namespace]).catch(() => ({ stdout: '' }));
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

async function removeNamespace({ namespace, here }: Names): Promise<void> {
  await command('ip', 'link', 'delete', here).catch(() => undefined);
  await command('ip', 'netns', 'delete', namespace).catch(() => undefined);
}

const keyPair = (path: string) => command('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path);

async function knownHost(address: string, publicKey: string): Promise<string> {
  const [kind, key] = (await readFile(publicKey, 'utf8')).split(' ');
  return `${address} ${kind} ${key}\n`;
}

const sshdConfiguration = (address: string, file: (name: string) => string): string =>
  [
    `ListenAddress ${address}`,
    'Port 22',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized')}`,
    `PidFile ${file('sshd.pid')}`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication no',
    'StrictModes no',
    'UsePAM no',
    '',
  ].join('\n');

const sshConfiguration = (address: string, file: (name: string) => string): string =>
  [
    'Host second',
    `  HostName ${address}`,
    '  User root',
    `  IdentityFile ${file('user')}`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile ${file('known_hosts')}`,
    '  GlobalKnownHostsFile /dev/null',
    '',
  ].join('\n');

/**
 * Started in its namespace, ended by its own pid. What Holdpoint keeps on a host where nobody says otherwise is a folder of
 * this host alone: an agent that answers at a socket there would else be one of another namespace.
 */
async function startSshd({ namespace, far }: Names, file: (name: string) => string): Promise<number> {
  const script = 'mount --bind "$1" "$2" && exec /usr/sbin/sshd -D -e -f "$3"';
  const words = ['netns', 'exec', namespace, 'sh', '-c', script, 'sshd', file('far'), USUAL_ROOT, file('sshd_config')];
  const child = spawn('ip', words, { stdio: 'ignore', detached: true });
  if (child.pid === undefined) throw new Error('sshd did not start');
  for (let left = 100; left > 0; left--) {
    if (await accepts(far, 22)) return child.pid;
    await sleep(50);
  }
  endGroup(child.pid);
  throw new Error('sshd does not listen');
}

const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 500 });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => settle(true));
    socket.on('error', () => settle(false));
    socket.on('timeout', () => settle(false));
  });

/** sshd's children are sessions of their own: they go with their connections. */
function endGroup(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended already.
  }
}

/** Each agent has the folder that is its own among its words. */
function agentsOf(root: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !existsSync(`/proc/${name}/cmdline`)) return [];
    const words = wordsOf(name);
    return words.includes('serve') && words.includes(root) && !(words[0] ?? '').endsWith('flock') ? [pid] : [];
  });
}

function wordsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
