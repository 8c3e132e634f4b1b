import { fail } from '../evidence/problem.ts';
import type { App, HostSettings } from './app.ts';

/**
 * A host as `--host` names it: `local`, a name of `hosts` in holdpoint.yaml, or `ssh:` and what the system's ssh takes.
 *
 * @throws ProblemError `input`
 */
export function hostNamed(text: string, app: Pick<App, 'hosts'>): HostSettings {
  if (text === 'local') return { kind: 'local', named: true };
  const known = app.hosts.find((host) => host.name === text);
  if (known) return known;
  const destination = /^ssh:(?:\/\/)?([^-\s][^\s]*)$/.exec(text)?.[1];
  if (destination !== undefined) return { kind: 'ssh', name: destination, destination };
  return fail({
    kind: 'input',
    what: `${JSON.stringify(text)} is no host`,
    where: '--host',
    next: `give local, ssh:user@host, or one of \`hosts\` in holdpoint.yaml${app.hosts.length > 0 ? ` (${app.hosts.map((h) => h.name).join(', ')})` : ''}`,
  });
}
