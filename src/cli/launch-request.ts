import { realpathSync } from 'node:fs';
import type { RuntimeKind } from '../config/app.ts';
import { hostNamed } from '../config/host-name.ts';
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
  const runtime = runtimeName(call.options.text('runtime'));
  const host = call.options.text('host');
  if (host !== undefined) hostNamed(host, app);
  return {
    directory: realpathSync(app.root),
    environment: environmentName(call),
    by: byName(call),
    options: {
      ...(window === undefined ? {} : { window }),
      ...(runtime === undefined ? {} : { runtime }),
      ...(host === undefined ? {} : { host }),
      yes: call.options.given('yes'),
    },
  };
}

export function runtimeName(text: string | undefined): RuntimeKind | undefined {
  if (text === undefined || text === 'process' || text === 'docker') return text;
  return fail({
    kind: 'input',
    what: `${JSON.stringify(text)} is no runtime`,
    where: '--runtime',
    next: 'give process or docker; without it holdpoint.yaml decides, else whether an engine answers',
  });
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
