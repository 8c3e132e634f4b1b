import { milliseconds } from '../evidence/units.ts';
import type { CommandEnd, Host } from './host.ts';

/** What is on the machine only while packages are being installed. Other paths are for tests. */
export type GuardPaths = {
  /** Asked by Debian's packages before they start a server; exit status 101 forbids it. */
  readonly policy: string;
  /** Read when a PostgreSQL package would make a cluster of its own. */
  readonly cluster: string;
  readonly lock: string;
};

export const GUARD_PATHS: GuardPaths = {
  policy: '/usr/sbin/policy-rc.d',
  cluster: '/etc/postgresql-common/createcluster.d/holdpoint.conf',
  lock: '/run/lock/holdpoint-packages.lock',
};

/**
 * Puts both files in place, runs a command and takes them away again. It is a shell script and not our own code because
 * it must finish when Holdpoint is killed: it is a process of its own, and its output goes to a file, so that no broken
 * pipe ends apt half-way; a second process hands it on from there. If the script is killed too, the command still holds the lock (it inherits the descriptor);
 * once that is free, what is left over is known by its content, and the next start removes it. Somebody else's
 * policy-rc.d is moved aside and comes back; one that lies in place beside a kept one is newer than ours and stays.
 */
const GUARD = `
mode=$1 policy=$2 cluster=$3 lock=$4 log=$5
shift 5
mark='placed by holdpoint while it installs packages'
kept=$policy.kept-by-holdpoint
ours() { [ -f "$1" ] && grep -q "$mark" "$1"; }
recover() {
  if ours "$policy"; then rm -f "$policy"; fi
  if [ -e "$kept" ] && [ ! -e "$policy" ]; then mv "$kept" "$policy"; fi
  if ours "$cluster"; then rm -f "$cluster"; fi
}
exec 9>"$lock"
if [ "$mode" = recover ]; then
  flock -n 9 || exit 75
  recover
  exit 0
fi
flock 9
recover
trap recover EXIT
trap 'exit 143' HUP INT TERM
set -e
mkdir -p "$(dirname "$cluster")"
printf '# %s\\ncreate_main_cluster = false\\n' "$mark" >"$cluster"
if [ -e "$policy" ]; then mv "$policy" "$kept"; fi
printf '#!/bin/sh\\n# %s\\nexit 101\\n' "$mark" >"$policy.new"
chmod 755 "$policy.new"
mv "$policy.new" "$policy"
set +e
: >"$log"
tail -n +1 -f -s 0.2 --pid=$$ "$log" 9>&- &
"$@" >"$log" 2>&1
`;

/** Removes what an earlier installation that was killed left behind. Safe to call at every start; needs root. */
export const recoverInstallGuard = (host: Host, paths: GuardPaths = GUARD_PATHS): Promise<CommandEnd> =>
  host.run({
    argv: ['/bin/sh', '-c', GUARD, 'holdpoint-guard', 'recover', paths.policy, paths.cluster, paths.lock, '/dev/null'],
    timeLimit: milliseconds(10_000),
  });

/** Runs a command while no package may start a server. Its output is in the file `log`, and its lines come as they are. */
export const runGuarded = (
  host: Host,
  command: readonly string[],
  settings: {
    readonly log: string;
    readonly timeLimitMs: number;
    readonly paths?: GuardPaths;
    readonly onLine?: (line: string) => void;
  },
): Promise<CommandEnd> => {
  const { policy, cluster, lock } = settings.paths ?? GUARD_PATHS;
  return host.run({
    argv: ['/bin/sh', '-c', GUARD, 'holdpoint-guard', 'run', policy, cluster, lock, settings.log, ...command],
    environment: { DEBIAN_FRONTEND: 'noninteractive' },
    timeLimit: milliseconds(settings.timeLimitMs),
    ...(settings.onLine === undefined ? {} : { onLine: settings.onLine }),
  });
};
