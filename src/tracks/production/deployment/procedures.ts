import type { App, Command, Observe } from '../../../config/app.ts';
import { cachePart } from '../../../environments/cache.ts';
import { databaseParts, LIVE_BACKUP } from '../../../environments/database.ts';
import { loadBalancerPart } from '../../../environments/load-balancer.ts';
import { monitoringParts } from '../../../environments/monitoring.ts';
import { serviceUnits } from '../../../environments/service-units.ts';
import type { Digest } from '../../../evidence/units.ts';
import { switchTo } from '../../../parts/caddy.ts';
import type { Part } from '../../../parts/part.ts';
import { checkArchive, createStanza, fullBackup } from '../../../parts/pgbackrest.ts';
import type { Procedure, ProcedureFile, ProcedureStep } from '../../../plan/procedure.ts';
import type { Release, ReleaseImage } from '../../../releases/release.ts';
import type { Place } from '../../../runtimes/runtime.ts';
import type { Unit } from '../../../runtimes/unit.ts';
import type { World } from '../../world.ts';

/**
 * What the deployment does, made from the very values that its steps carry out: units, files and command lines. Contents
 * of files are left out, so no secret is in it.
 */
export async function deploymentProcedure(world: World): Promise<Procedure> {
  const { app, production } = world;
  if (app.observe) return observedProcedure(app, app.observe);
  const { place } = production.runtime;
  const steps: ProcedureStep[] = [await releaseStep(world)];
  if (app.database?.managed.kind === 'by-holdpoint') steps.push(...(await databaseSteps(world, place)));
  const cache = await cachePart(production);
  if (cache) steps.push(partStep('A.2/cache', 'Start Redis, which keeps nothing over a restart', cache, place));
  const { migrations } = app.database ?? {};
  if (migrations)
    steps.push({
      step: 'A.2/migrate',
      title: 'Migrate the database',
      commands: [words(migrations.up)],
      files: [],
      units: [],
      rollback: migrations.down
        ? [words(migrations.down)]
        : ['restore the backup of A.2/backup: the migrations have no way back'],
    });
  steps.push(
    ...(await serviceSteps(world, place)),
    partStep('A.3/watched', 'Start the monitoring', await monitoringParts(production), place),
  );
  return { title: `Deployment of ${app.name} to ${production.name}`, steps };
}

/** Who deploys is somebody else; what is ours is to look at it afterwards. */
const observedProcedure = (app: App, { url }: Observe): Procedure => ({
  title: `${app.name} is deployed by something else: Holdpoint only observes ${url}`,
  steps: [
    {
      step: 'A.2/smoke',
      title: 'After whoever deploys it has deployed it, look at it',
      commands: ['holdpoint launch'],
      files: [],
      units: [],
      rollback: ['the way back of whoever deployed it; this launch changed nothing'],
    },
  ],
});

async function releaseStep(world: World): Promise<ProcedureStep> {
  return {
    step: 'A.2/release',
    title: 'Build the release once, from a clean copy of the source',
    commands: world.app.build.map(words),
    files: [],
    units: [],
    rollback: ['none is needed: nothing runs from it yet'],
  };
}

async function databaseSteps(world: World, place: Place): Promise<ProcedureStep[]> {
  const { live, backup } = await databaseParts(world.production);
  const part = partStep(
    'A.2/database',
    'Start Postgres with checksums and archive',
    { ...live, files: [...live.files, ...backup.files] },
    place,
  );
  const jobs = [live.initialise, createStanza(LIVE_BACKUP, place), checkArchive(LIVE_BACKUP, place)];
  return [
    {
      ...part,
      commands: [...jobs.map((j) => words(j.command)), ...part.commands],
      rollback: ['`holdpoint down` stops it and keeps its data'],
    },
    {
      step: 'A.2/backup',
      title: 'Take an encrypted full backup',
      commands: [words(fullBackup('backup', LIVE_BACKUP, place).command)],
      files: [],
      units: [],
      rollback: ['none is needed: a backup changes nothing'],
    },
  ];
}

async function serviceSteps(world: World, place: Place): Promise<ProcedureStep[]> {
  const { app, production } = world;
  const release = await releaseInWords(world);
  const units = (kind: 'web' | 'agent') =>
    app.services
      .filter((s) => s.kind === kind)
      .flatMap((s) => serviceUnits(production, release, s, kind === 'web' ? 'green' : undefined));
  const balancer = await loadBalancerPart(production);
  const web = units('web');
  const agents = units('agent');
  return [
    {
      ...partStep(
        'A.2/candidate',
        'Start the new web instances in the free slot (here: green)',
        { ...balancer, units: [...balancer.units, ...web] },
        place,
      ),
      rollback: ['stop the new instances; the old ones were not touched'],
    },
    ...(agents.length > 0
      ? [
          {
            ...unitStep('A.2/agents', 'Drain each agent, then start its successor', agents),
            rollback: ['`holdpoint launch` of the release before'],
          },
        ]
      : []),
    {
      step: 'A.2/switch',
      title: 'Send the traffic to the new slot',
      commands: [words(switchTo('green', place).command)],
      files: [],
      units: [],
      rollback: [words(switchTo('blue', place).command)],
    },
    {
      step: 'A.2/retire',
      title: 'Drain and stop the old instances',
      commands: app.services
        .filter((s) => s.kind === 'web')
        .map(
          (s) =>
            `${s.stop.signal} to each instance of ${s.name} in the old slot; at most ${s.stop.drain / 1000} s to drain`,
        ),
      files: [],
      units: web.map((u) => u.name.replace('-green-', '-blue-')),
      rollback: ['`holdpoint launch` of the release before'],
    },
  ];
}

/** The one that was built, or what stands for it in a procedure that is written before: paths hold RELEASE then. */
async function releaseInWords(world: World): Promise<Pick<Release, 'folder' | 'tree' | 'images'>> {
  const built = await world.release().catch(() => undefined);
  const folder = `${world.releasesFolder}/RELEASE`;
  const digest = 'sha256:RELEASE' as Digest;
  const images = world.app.services.flatMap((s): [string, ReleaseImage][] =>
    s.source.kind === 'tree' ? [] : [[s.name, { id: digest, command: [`IMAGE-OF-${s.name}`], ports: [] }]],
  );
  return { folder, tree: digest, images: built?.images ?? Object.fromEntries(images) };
}

function unitStep(step: ProcedureStep['step'], title: string, units: readonly Unit[]): ProcedureStep {
  return {
    step,
    title,
    commands: units.map((u) => words(u.command)),
    files: [],
    units: units.map((u) => u.name),
    rollback: [],
  };
}

function partStep(step: ProcedureStep['step'], title: string, part: Part, place: Place): ProcedureStep {
  const files = part.files.map(
    (f): ProcedureFile => ({
      path: place.path(f.store, f.path),
      mode: f.mode,
      user: place.user(f.user),
      holds: f.mode === 0o600 ? 'secret or private' : 'configuration',
    }),
  );
  return { ...unitStep(step, title, part.units), files, rollback: ['`holdpoint down` stops it'] };
}

/** A command as a shell would take it. */
const words = (command: Command): string =>
  command.map((w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", `'\\''`)}'`)).join(' ');
