import type { App } from '../config/app.ts';
import { hostNamed } from '../config/host-name.ts';
import { expectedRuntime } from '../environments/chosen-runtime.ts';
import { packagesFor, packagesToBuild } from '../environments/packages.ts';
import { fail } from '../evidence/problem.ts';
import { isRoot } from '../hosts/accounts.ts';
import type { PackageNeed } from '../hosts/host.ts';
import { localHost } from '../hosts/local.ts';
import { installCommand, installPackages, missingPackages } from '../hosts/packages.ts';
import { APP_USER, CONTROL_USER, ensureUsers } from '../hosts/users.ts';
import { stateDirectoryPath } from '../server/state-directory.ts';
import { askYes } from './ask.ts';
import type { Call } from './command.ts';
import { runtimeName } from './launch-request.ts';

/**
 * Puts onto this machine what the app's environments stand on: Debian packages, and the users that run the control
 * database and the services. What is missing is named first, and nothing changes without a yes.
 *
 * @throws ProblemError `host` where something is missing and may not be installed
 */
export async function prepareHost(call: Call, app: App): Promise<void> {
  const host = localHost();
  const missing = await missingPackages(host, await neededHere(call, app));
  if (missing.length > 0) {
    call.out.remark(`Missing on this host: ${missing.join(', ')}.`);
    await agreed(call, `Install them (${installCommand(missing)})?`, missing);
    await installPackages(host, missing, (line) => {
      if (/^(Setting up|Unpacking|E:|W:)/.test(line)) call.out.remark(`  ${line}`);
    });
    call.out.remark('The packages are installed; none of their servers was started.');
  }
  if (isRoot()) await ensureUsers(host, [CONTROL_USER, APP_USER]);
}

/** What environments on other hosts need is seen to by a step of the launch. */
async function neededHere(call: Call, app: App): Promise<readonly PackageNeed[]> {
  // What is only observed is neither built nor run here: its source is read, and its own tests are run.
  if (app.observe) return packagesToBuild({ ...app, build: [] });
  const state = stateDirectoryPath(call.options.text('state'));
  const asked = { host: call.options.text('host'), runtime: runtimeName(call.options.text('runtime')) };
  const kinds = new Set<string>();
  for (const name of ['production', 'staging'] as const) {
    const settings = app.environments[name];
    if (!settings) continue;
    const on = { ...settings, ...(asked.host === undefined ? {} : { host: hostNamed(asked.host, app) }) };
    const runtime = asked.runtime ?? settings.runtime;
    kinds.add(await expectedRuntime({ state, app: app.name, name, settings: { ...on, runtime } }));
  }
  return [...packagesToBuild(app), ...(kinds.has('process here') ? packagesFor(app, 'process') : [])];
}

async function agreed(call: Call, question: string, missing: readonly string[]): Promise<void> {
  if (call.options.given('yes')) return;
  const otherwise = { option: '--yes', what: 'installing packages' };
  if (await askYes(question, otherwise)) return;
  fail({
    kind: 'host',
    what: `${missing.length} packages are missing and may not be installed`,
    where: missing.join(', '),
    next: installCommand(missing),
  });
}
