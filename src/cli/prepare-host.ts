import type { App } from '../config/app.ts';
import { packagesFor } from '../environments/packages.ts';
import { fail } from '../evidence/problem.ts';
import { isRoot } from '../hosts/accounts.ts';
import { localHost } from '../hosts/local.ts';
import { installCommand, installPackages, missingPackages } from '../hosts/packages.ts';
import { APP_USER, CONTROL_USER, ensureUsers } from '../hosts/users.ts';
import { askYes } from './ask.ts';
import type { Call } from './command.ts';

/**
 * Puts onto this machine what the app's environments stand on: Debian packages, and the users that run the control
 * database and the services. What is missing is named first, and nothing changes without a yes.
 *
 * @throws ProblemError `host` where something is missing and may not be installed
 */
export async function prepareHost(call: Call, app: App): Promise<void> {
  const host = localHost();
  const missing = await missingPackages(host, packagesFor(app));
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
