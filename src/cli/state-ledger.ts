import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { VerifierKey } from '../evidence/note.ts';
import { fail } from '../evidence/problem.ts';
import { PUBLIC_KEY_FILE, readVerifierKey } from '../ledger/keys.ts';
import { findResident } from '../server/start.ts';
import { stateDirectoryPath } from '../server/state-directory.ts';
import type { Call } from './command.ts';

/**
 * The published files of this machine's own ledger and the key that they are signed with.
 *
 * @throws ProblemError `input` where there is none
 */
export async function ownLedger(call: Call): Promise<{ readonly directory: string; readonly key: VerifierKey }> {
  const state = stateDirectoryPath(call.options.text('state'));
  const directory = join(state, 'ledger');
  const file = join(directory, PUBLIC_KEY_FILE);
  // A resident process that runs publishes what it has; without one the files are as new as they will be.
  await (await findResident(state))?.checkpoint();
  if (existsSync(file)) return { directory, key: await readVerifierKey(file) };
  return fail({
    kind: 'input',
    what: 'there is no ledger here: nothing was launched yet',
    where: directory,
    next: `\`${call.prefix} launch\` begins one; --state DIR names another state directory`,
  });
}
