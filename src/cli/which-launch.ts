import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fail } from '../evidence/problem.ts';
import type { ResidentClient } from '../server/client.ts';
import type { LaunchSummary } from '../server/launch-view.ts';
import type { Call } from './command.ts';
import { appPath } from './given-app.ts';
import { environmentName } from './planned.ts';

/**
 * The launch that a command is about: the one that is named, else the latest of this app and environment. It needs no
 * readable holdpoint.yaml, so that a launch can be looked at while the file is being changed.
 *
 * @throws ProblemError `input` where there is none, or where it could be that of several apps
 */
export async function whichLaunch(
  call: Call,
  resident: ResidentClient,
  named: string | undefined,
): Promise<LaunchSummary> {
  const all = await resident.launches();
  const fail_ = (what: string, next: string) => fail({ kind: 'input', what, where: whereText(call), next });
  if (named !== undefined)
    return (
      all.find(({ launch }) => launch === named) ??
      fail_(`there is no launch ${named}`, `see \`${call.prefix} history\` for the launches there are`)
    );
  const environment = environmentName(call);
  const here = appFolder(call);
  const launches = all.filter((l) => l.kind === 'launch' && l.environment === environment);
  const mine = here === undefined ? launches : launches.filter((l) => l.directory === here);
  const apps = [...new Set(mine.map((l) => l.directory))];
  if (apps.length > 1)
    return fail_(
      `there are launches of ${apps.length} apps to ${environment}: ${apps.join(', ')}`,
      'go to the folder of the one that is meant, or name it with --app PATH',
    );
  return (
    mine.at(-1) ??
    fail_(
      `nothing was launched to ${environment} yet`,
      `\`${call.prefix} launch\` begins; \`${call.prefix} history\` shows all`,
    )
  );
}

/** The folder of holdpoint.yaml as the resident process records it; undefined where there is none. */
export function appFolder(call: Call): string | undefined {
  const path = resolve(appPath(call));
  if (!existsSync(path)) return undefined;
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  return existsSync(join(folder, 'holdpoint.yaml')) || folder !== path ? realpathSync(folder) : undefined;
}

const whereText = (call: Call): string => appFolder(call) ?? resolve(appPath(call));
