import { randomBytes } from 'node:crypto';
import { fail, type Problem } from '../evidence/problem.ts';
import { milliseconds, minutes } from '../evidence/units.ts';
import type { CommandEnd, Host, PackageNeed } from './host.ts';
import { recoverInstallGuard, runGuarded } from './install-guard.ts';

/** What the runtime `process` stands on. */
export const RUNTIME_PACKAGES: readonly PackageNeed[] = [{ package: 'supervisor', program: 'supervisord' }];

/** What reads an app's sources and their history. */
export const SOURCE_PACKAGES: readonly PackageNeed[] = [{ package: 'git', program: 'git' }];

/** What all the parts together stand on. An environment asks only for those of the parts that it has. */
export const PART_PACKAGES: readonly PackageNeed[] = [
  { package: 'postgresql', program: 'postgres' },
  { package: 'pgbackrest', program: 'pgbackrest' },
  { package: 'caddy', program: 'caddy' },
  { package: 'redis-server', program: 'redis-server' },
  { package: 'prometheus', program: 'prometheus' },
  { package: 'prometheus-alertmanager', program: 'alertmanager' },
  { package: 'prometheus-node-exporter', program: 'node-exporter' },
  { package: 'prometheus-postgres-exporter', program: 'postgres-exporter' },
  { package: 'prometheus-blackbox-exporter', program: 'blackbox-exporter' },
  { package: 'mtail', program: 'mtail' },
];

/** Services that Debian would start at the next boot, on ports of their own, beside the ones that Holdpoint runs. */
const DEBIAN_SERVICES: Readonly<Record<string, string>> = {
  supervisor: 'supervisor',
  postgresql: 'postgresql',
  caddy: 'caddy',
  'redis-server': 'redis-server',
  prometheus: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  'prometheus-node-exporter': 'prometheus-node-exporter',
  'prometheus-postgres-exporter': 'prometheus-postgres-exporter',
  'prometheus-blackbox-exporter': 'prometheus-blackbox-exporter',
  mtail: 'mtail',
};

/** How long apt may wait for another apt, in seconds. */
const LOCK_WAIT_S = 120;
const INSTALL_LIMIT_MS = minutes(15);

/**
 * Names of the packages that are to be installed. A program that is there counts, wherever it came from (an upstream
 * repository, a build of one's own), unless dpkg says that its package is half installed.
 */
export async function missingPackages(host: Host, needs: readonly PackageNeed[]): Promise<readonly string[]> {
  const status = await packageStates(host, needs);
  const programs = await host.programs(needs.flatMap((need) => need.program ?? []));
  return needs
    .filter((need) => {
      const state = status.get(need.package) ?? 'not-installed';
      const absent = state === 'not-installed' || state === 'config-files';
      return absent ? need.program === undefined || !programs.has(need.program) : state !== 'installed';
    })
    .map((need) => need.package);
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own placeholders
const DPKG_FORMAT = '${Package} ${db:Status-Status}\\n';

async function packageStates(host: Host, needs: readonly PackageNeed[]): Promise<ReadonlyMap<string, string>> {
  if (needs.length === 0) return new Map();
  // Exit status 1 says that one of them is unknown to dpkg; the others are printed all the same.
  const end = await host.run({
    argv: ['dpkg-query', '-W', '-f', DPKG_FORMAT, ...needs.map((need) => need.package)],
    timeLimit: milliseconds(30_000),
  });
  if (end.kind === 'not-started') return new Map();
  if (end.kind !== 'exited') {
    return fail({ kind: 'host', what: 'dpkg-query did not answer', where: host.name, next: 'look at `dpkg --audit`' });
  }
  return new Map(
    end.stdout
      .split('\n')
      .map((line) => line.split(' '))
      .flatMap(([name, state]) => (name !== undefined && state !== undefined ? [[name, state] as const] : [])),
  );
}

/** The command that a person would type, for messages and for the procedures document. */
export const installCommand = (packages: readonly string[]): string =>
  `sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;

/**
 * Installs the packages while keeping Debian from starting its own servers. Once begun, apt is left to finish: a dpkg
 * that is cut off leaves the machine half configured. What an earlier kill left is mended first.
 *
 * @returns what was installed: nothing where nothing was asked for
 * @throws ProblemError `host`: no root, no apt, or apt's last lines
 */
export async function installPackages(
  host: Host,
  packages: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<readonly string[]> {
  const isRoot = (await host.account()).uid === 0;
  if (isRoot) await recoverInstallGuard(host);
  if (packages.length === 0) return [];
  const command = installCommand(packages);
  const tools = await host.programs(['apt-get', 'systemctl']);
  if (!tools.has('apt-get')) {
    return fail({
      kind: 'host',
      what: `${packages.length} packages are missing and this machine has no apt: ${packages.join(', ')}`,
      where: host.name,
      next: 'use Debian 12 or Ubuntu 22.04 or newer, or install these programs yourself',
    });
  }
  if (!isRoot) {
    return fail({
      kind: 'host',
      what: `installing packages needs root: ${packages.join(', ')}`,
      where: host.name,
      next: command,
    });
  }
  const folder = `/tmp/holdpoint-apt-${randomBytes(6).toString('hex')}`;
  const log = `${folder}/log`;
  await host.folder(folder, { mode: 0o700 });
  try {
    const script = `dpkg --configure -a --force-confdef --force-confold; ${APT} install "$@" && exit 0; ${APT} update; ${APT} install "$@"`;
    const end = await runGuarded(host, ['/bin/sh', '-c', script, 'install', ...packages], {
      log,
      timeLimitMs: INSTALL_LIMIT_MS,
      onLine,
    });
    if (end.kind === 'exited' && end.code === 0) {
      if (tools.has('systemctl')) await disableAtBoot(host, packages);
      return packages;
    }
    return fail(installProblem(host, command, await outputOf(host, log, end), end.kind));
  } finally {
    await host.remove(folder);
  }
}

async function outputOf(host: Host, log: string, end: CommandEnd): Promise<string> {
  // A line that dropped for good is no better for reading the log.
  if ('reason' in end) return end.reason;
  const text = await host.read(log);
  return text === undefined ? end.stderr : Buffer.from(text).toString('utf8');
}

/** Only services whose package was installed just now: one that was there before is somebody's own. */
async function disableAtBoot(host: Host, packages: readonly string[]): Promise<void> {
  const services = packages.flatMap((name) => DEBIAN_SERVICES[name] ?? []);
  if (services.length === 0) return;
  await host.run({ argv: ['systemctl', '--quiet', 'disable', ...services], timeLimit: milliseconds(30_000) });
}

const APT = `apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=${LOCK_WAIT_S} -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold`;

const FAILURES: Readonly<Partial<Record<CommandEnd['kind'], string>>> = {
  'timed-out': 'apt-get took longer than 15 minutes',
  lost: 'the line to the host dropped while apt-get ran, which goes on there',
};

function installProblem(host: Host, command: string, output: string, how: CommandEnd['kind']): Problem {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^(E:|dpkg: error|Err:)/.test(line));
  const full = lines.some((line) => line.includes('No space left on device'));
  return {
    kind: 'host',
    what: FAILURES[how] ?? 'apt-get could not install the packages',
    where: `${host.name}: ${command}`,
    detail: (errors.length > 0 ? errors : lines).slice(-8),
    next: full
      ? 'free disk space (`df -h`), then run the command again'
      : 'look at the lines above; `sudo apt-get update` and the command shown must succeed by hand',
  };
}
