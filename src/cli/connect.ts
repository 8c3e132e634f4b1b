import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../evidence/problem.ts';
import type { ResidentClient } from '../server/client.ts';
import { ensureUser, serviceUser } from '../server/service-user.ts';
import { findResident, startResident } from '../server/start.ts';
import { stateDirectoryPath } from '../server/state-directory.ts';
import { askYes } from './ask.ts';
import type { Call } from './command.ts';

/**
 * How badly the resident process is needed.
 * - `start`: it is started where none runs, and its state made where there is none
 * - `where-state-is`: it is started only where there is something to look at
 */
export type Need = 'start' | 'where-state-is';

/**
 * Reaches the resident process, and starts it where none runs, which is said on standard error.
 *
 * @throws ProblemError `input` where there is nothing to look at, `host` where it does not come up
 */
export async function connect(call: Call, need: Need): Promise<ResidentClient> {
  const state = stateDirectoryPath(call.options.text('state'));
  if (need === 'where-state-is' && !existsSync(state))
    return fail({
      kind: 'input',
      what: 'nothing was launched here yet: there is no state',
      where: state,
      next: `\`${call.prefix} launch\` begins; --state DIR names another state directory`,
    });
  const there = await findResident(state);
  if (there !== undefined) return there;
  await ensureServiceUser(call);
  call.out.remark('The resident process is not running; starting it.');
  const { client } = await startResident({ state, command: serveCommand(state) });
  call.out.remark(`The resident process runs; its log is ${join(state, 'logs', 'serve.log')}.`);
  return client;
}

/** This program again, with `serve`; also where it runs from its sources (`node --import tsx src/cli/main.ts`). */
const serveCommand = (state: string): string[] => [
  process.execPath,
  ...process.execArgv,
  process.argv[1] ?? '',
  'serve',
  '--state',
  state,
];

/**
 * As root the control database needs a system user. Making one changes the host, so it is asked for.
 *
 * @throws ProblemError `input` where there is nobody to ask
 */
export async function ensureServiceUser(call: Call): Promise<void> {
  const found = serviceUser();
  if (found.kind !== 'missing') return;
  const question = `The control database needs a system user (${found.command}). Make it?`;
  const otherwise = { option: '--yes to `holdpoint launch`', what: 'a system user for the control database' };
  if (!call.options.given('yes') && !(await askYes(question, otherwise)))
    fail({
      kind: 'host',
      what: 'Postgres refuses to run as root, and the system user for it was not made',
      next: `run \`${found.command}\`, or serve with a Postgres of your own: holdpoint serve --database-url-file FILE`,
    });
  ensureUser();
}
