import type { Command } from '../../config/app.ts';
import type { Account } from '../../hosts/accounts.ts';
import { cleanEnvironment } from '../../hosts/local.ts';
import type { Unit } from '../unit.ts';
import { TAG } from './tag.ts';

/** A word for /bin/sh. */
export const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

type Run = {
  readonly command: Command;
  /** In which the command begins. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly account: Account;
  readonly path: string;
  /** Of the unit or job: the tag's value. */
  readonly folder: string;
};

/**
 * The command with an environment that holds nothing but what is named. The tag comes in here, so that the shell around
 * it is not taken for the unit.
 */
function cleanCommand(run: Run): string {
  const environment = { ...cleanEnvironment(run.account), PATH: run.path, ...run.environment, [TAG]: run.folder };
  const assignments = Object.entries(environment).map(([name, value]) => quoted(`${name}=${value}`));
  return `env -i ${assignments.join(' ')} ${run.command.map(quoted).join(' ')}`;
}

const LIMITS = `umask 027
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)" 2>/dev/null || :`;

/**
 * Reads this shell's start time, field 22 of its stat. Pid and start time stay the same across exec: together they name
 * the process for good.
 */
const STARTED = `read -r ${'_ '.repeat(21)}begun _ </proc/$$/stat`;

/**
 * What supervisor runs for a unit. Members of an earlier life that are left over (workers whose master was killed) hold
 * its ports and locks: they go first.
 */
export const unitScript = (unit: Unit, run: Omit<Run, 'command' | 'environment'>): string => `#!/bin/sh
# Unit ${unit.name}. Written by holdpoint; a change here is overwritten.
${LIMITS}
for left in $(grep -lzsxF -e ${quoted(`${TAG}=${run.folder}`)} /proc/[0-9]*/environ); do
  left=\${left#/proc/}; left=\${left%/environ}
  kill -9 "$left" 2>/dev/null
done
${STARTED}
echo "$$ $begun" >>${quoted(`${run.folder}/starts`)}
cd ${quoted(run.directory)} || exit 126
exec ${cleanCommand({ ...run, command: unit.command, environment: unit.environment })}
`;

/**
 * What a job runs in. It is its own session and outlives Holdpoint; the time limit holds without us, too. The exit code
 * appears whole or not at all.
 */
export const jobScript = (run: Run & { readonly limitSeconds: number }): string => `#!/bin/sh
${LIMITS}
${STARTED}
echo "$$ $begun" >${quoted(`${run.folder}/started.new`)} && mv ${quoted(`${run.folder}/started.new`)} ${quoted(`${run.folder}/started`)}
cd ${quoted(run.directory)} && timeout --kill-after=10 ${run.limitSeconds} ${cleanCommand(run)}
echo $? >${quoted(`${run.folder}/exit.new`)} && mv ${quoted(`${run.folder}/exit.new`)} ${quoted(`${run.folder}/exit`)}
`;

/** `%` begins an expansion in supervisor's configuration. */
export const escaped = (text: string): string => text.replaceAll('%', '%%');

export type ProgramPaths = { readonly script: string; readonly log: string };

/**
 * Restarts back off by one second more each time while the unit ends within a second; it is never given up.
 * The stop signal goes to the unit's own process, as a container's would; SIGKILL goes to all of its group.
 */
export const programConfig = (unit: Unit, paths: ProgramPaths, user: string | undefined): string =>
  [
    `[program:${unit.name}]`,
    `command=/bin/sh "${escaped(paths.script)}"`,
    'directory=/',
    ...(user === undefined ? [] : [`user=${user}`]),
    'autostart=false',
    `autorestart=${unit.restart === 'always'}`,
    'startsecs=1',
    `startretries=${unit.restart === 'always' ? 1_000_000 : 0}`,
    `stopsignal=${unit.stop.signal.slice(3)}`,
    `stopwaitsecs=${Math.max(1, Math.ceil(unit.stop.grace / 1_000))}`,
    'stopasgroup=false',
    'killasgroup=true',
    'redirect_stderr=true',
    `stdout_logfile=${escaped(paths.log)}`,
    'stdout_logfile_maxbytes=10MB',
    'stdout_logfile_backups=2',
    '',
  ].join('\n');
