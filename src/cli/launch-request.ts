import { realpathSync } from 'node:fs';
import { durationIn } from '../config/quantity.ts';
import type { LaunchRequest } from '../engine/request.ts';
import { fail } from '../evidence/problem.ts';
import type { Call } from './command.ts';
import { givenApp } from './given-app.ts';
import { byName } from './person.ts';
import { environmentName } from './planned.ts';

/**
 * What is asked of the resident process. holdpoint.yaml is read here too, so that a person sees all that is wrong with it
 * before anything is started.
 *
 * @throws ProblemError `input`
 */
export async function launchRequest(call: Call): Promise<LaunchRequest> {
  const window = windowLength(call.options.text('window'));
  const app = await givenApp(call);
  return {
    directory: realpathSync(app.root),
    environment: environmentName(call),
    by: byName(call),
    options: { ...(window === undefined ? {} : { window }), yes: call.options.given('yes') },
  };
}

function windowLength(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const length = durationIn(text);
  if (length !== undefined && length > 0) return length;
  return fail({
    kind: 'input',
    what: `${JSON.stringify(text)} is no length of time`,
    where: '--window',
    next: 'give a number with its unit: 2m, 90s, 24h',
  });
}
