import { packagesFor } from '../../../environments/packages.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { days, minutes } from '../../../evidence/units.ts';
import { installPackages, missingPackages } from '../../../hosts/packages.ts';
import { APP_USER, ensureUsers } from '../../../hosts/users.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { APPLIES, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Puts onto the host of production what is missing there, and says what that was: nothing, the second time. */
export const prepare = (world: World): Step => ({
  id: 'A.1/prepare',
  task: 'A.1',
  title: 'Prepare the host: packages, users, images of the parts',
  needs: [],
  inputs: { production: world.inputs.production, holdpoint: world.inputs.holdpoint },
  applies: APPLIES,
  tokens: ['cpu', 'disk'],
  estimate: minutes(1),
  objectives: [
    ask({
      id: 'unprepared',
      metric: 'host.unprepared',
      is: ['==', 0, 'count'],
      source: 'plan A.1: the host is prepared',
      maximumAge: days(1),
    }),
    ask({
      id: 'changes',
      metric: 'host.changes',
      is: ['==', 0, 'count'],
      source: 'a prepared host is not changed again',
      gate: 'inform',
      maximumAge: days(1),
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const { host, runtime } = world.production;
    const note = notebook(host.name, world.clock);
    const needs = packagesFor(world.app, runtime.kind);
    const changed = [
      ...(await installed(world, attempt)),
      ...(runtime.kind === 'docker' ? [] : await ensureUsers(host, [APP_USER])).map((user) => `user ${user}`),
      ...(await runtime.prepare(attempt.progress, attempt.signal)),
    ];
    const missing = await missingPackages(host, needs);
    return [
      note({
        metric: 'host.unprepared',
        unit: 'count',
        observed: exactly(missing.length, needs.length + 1),
        method: { kind: 'command', text: 'dpkg-query of each package, after the preparation' },
        note: missing.length > 0 ? `missing: ${missing.join(', ')}; give --yes, or install them` : undefined,
      }),
      note({
        metric: 'host.changes',
        unit: 'count',
        observed: exactly(changed.length, needs.length + 1),
        method: { kind: 'command', text: 'what was put onto the host' },
        note: changed.join(', ') || 'nothing: it was prepared already',
      }),
    ];
  },
});

/** Only with a person's yes: on this machine it was asked for before the launch, on another one `--yes` says it. */
async function installed({ app, production, mayPrepare }: World, attempt: Attempt): Promise<readonly string[]> {
  const { host, runtime } = production;
  const missing = await missingPackages(host, packagesFor(app, runtime.kind));
  if (missing.length === 0 || mayPrepare === 'no') return [];
  attempt.progress(`installs ${missing.join(', ')}`);
  await installPackages(host, missing, (line) => {
    if (/^(Setting up|Unpacking|E:|W:)/.test(line)) attempt.progress(line);
  });
  return missing.map((name) => `package ${name}`);
}
