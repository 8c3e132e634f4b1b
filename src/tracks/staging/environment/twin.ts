import type { Environment } from '../../../environments/environment.ts';
import { readRecord } from '../../../environments/record.ts';
import { ownSecret } from '../../../environments/secrets.ts';
import { absent, exactly, type Measurement, type Observed } from '../../../evidence/measurement.ts';
import { days, seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { carryImages } from '../../../releases/carried-images.ts';
import type { Release } from '../../../releases/release.ts';
import type { Unit } from '../../../runtimes/unit.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import { smokeThrough } from '../../smoke.ts';
import { standUp } from '../../stand-up.ts';
import type { World } from '../../world.ts';

/** Staging: the same release from the same description, with ports, data and keys of its own. */
export const twin = (world: World): Step => ({
  id: 'B.1/twin',
  task: 'B.1',
  title: 'A staging twin of the same release',
  needs: ['A.2/release'],
  inputs: { release: world.inputs.release, staging: world.inputs.staging, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(world.staging !== undefined, 'the app wants no staging environment'),
  tokens: ['app', 'disk'],
  estimate: seconds(15),
  objectives: [
    ask({
      id: 'other-release',
      metric: 'staging.other-release',
      is: ['==', 0, 'count'],
      source: 'plan B.1: the same release digest',
      maximumAge: days(1),
    }),
    ask({
      id: 'shared',
      metric: 'staging.shared-with-production',
      is: ['==', 0, 'count'],
      source: 'plan B.1: own ports, data, keys',
      maximumAge: days(1),
    }),
    ...(world.app.smoke.length > 0
      ? [
          ask({
            id: 'smoke',
            metric: 'smoke.failing',
            is: ['==', 0, 'count'],
            source: 'plan B.1: it works',
            maximumAge: days(1),
          }),
        ]
      : []),
  ],
  retry: { kind: 'never' },
  run: (attempt) => standUpTwin(world, attempt),
});

async function standUpTwin(world: World, attempt: Attempt): Promise<Measurement[]> {
  const { staging, production } = world;
  if (!staging) return [];
  const note = notebook(world.host.name, world.clock);
  const release = await world.release();
  const { signal, progress } = attempt;
  await carryImages(release, { from: placeOf(production), to: placeOf(staging) }, progress, signal);
  await standUp(staging, { release, signal, clock: world.clock, progress });
  const live = (await readRecord(staging)).live?.release;
  const running = await servicesThatRun(staging);
  const others = running.filter(({ unit }) => !isOf(release, unit)).map(({ unit }) => unit.name);
  const shared = await sharedWithProduction(world);
  const measured = [
    note({
      metric: 'staging.other-release',
      unit: 'count',
      observed: otherReleases(live === release.digest, others.length, running.length),
      method: {
        kind: 'file',
        text: 'release that staging sends traffic to, and that each running instance was started from, against the release of this launch',
      },
      note: others.length > 0 ? `${others.join(', ')} of another release` : live,
    }),
    note({
      metric: 'staging.shared-with-production',
      unit: 'count',
      observed: exactly(shared.found.length, shared.examined),
      method: { kind: 'file', text: 'ports, folders and keys of both environments' },
      note: shared.found[0] ?? `nothing is shared but the host ${production.host.name} itself`,
    }),
  ];
  if (world.app.smoke.length === 0) return measured;
  const seen = await smokeThrough(staging, 'public');
  return [
    ...measured,
    note({
      metric: 'smoke.failing',
      unit: 'count',
      method: { kind: 'request', text: 'smoke tests through the load balancer of staging' },
      ...seen,
    }),
  ];
}

const placeOf = ({ name, runtime }: Environment) => ({ name, images: runtime.images });

const isOf = (release: Release, { software, of }: Unit): boolean =>
  software.kind === 'tree'
    ? software.digest === release.tree
    : software.kind === 'image' && software.id === release.images[of]?.id;

/** What the record says is our own word; what the instances run from is the runtime's. */
async function servicesThatRun({ runtime }: Environment) {
  return (await runtime.list()).filter(({ unit, state }) => unit.role !== 'part' && state.kind === 'running');
}

const otherReleases = (recorded: boolean, others: number, running: number): Observed =>
  running === 0 ? absent('no service runs in staging') : exactly(others + (recorded ? 0 : 1), running);

async function sharedWithProduction({
  staging,
  production,
}: World): Promise<{ readonly found: string[]; readonly examined: number }> {
  if (!staging) return { found: [], examined: 0 };
  const ours = new Set(production.ports.all().map((p) => p.port));
  const ports = staging.ports.all();
  const secrets = ['postgres-superuser', 'postgres-app', 'backup-passphrase', 'data-key'] as const;
  const found = ports.filter((p) => ours.has(p.port)).map((p) => `port ${p.port}`);
  if (staging.folder === production.folder) found.push(`folder ${staging.folder}`);
  for (const name of secrets)
    if ((await ownSecret(staging, name)) === (await ownSecret(production, name))) found.push(`the key ${name}`);
  return { found, examined: ports.length + 1 + secrets.length };
}
