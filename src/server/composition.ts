import { readdirSync, readFileSync } from 'node:fs';
import { chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { App } from '../config/app.ts';
import { problemOfConfig } from '../config/problem.ts';
import { readApp } from '../config/read.ts';
import { deliverables } from '../deliverables/deliverables.ts';
import { writeDeliverables } from '../deliverables/write.ts';
import type { Engine } from '../engine/engine.ts';
import type { LaunchRequest, Planned } from '../engine/request.ts';
import { goldenSettingsOf } from '../environments/monitoring.ts';
import { fail, ProblemError, problemOf } from '../evidence/problem.ts';
import { type Digest, milliseconds, systemClock } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import type { KnownSecret } from '../ledger/secret-search.ts';
import type { Plan } from '../plan/step.ts';
import { findRelease } from '../releases/build.ts';
import { makeWorld } from '../tracks/make-world.ts';
import { planFor } from '../tracks/plan-for.ts';
import { preflightOwner, removePreflight } from '../tracks/preflight-environment.ts';
import { deploymentProcedure } from '../tracks/production/deployment/procedures.ts';
import { applicationCrashDrill } from '../tracks/staging/drills/application-crash.ts';
import type { Inputs, World } from '../tracks/world.ts';
import { destroyEnvironment, takeDown } from './environment-operations.ts';
import type { Composition, Ground } from './serve.ts';

/** What makes the resident process Holdpoint's own: how plans are made, documents rendered, environments ended. */
export function compose(version: string): (ground: Ground) => Composition {
  return (ground) => {
    const open: Opened = (request, before) => openWorld(ground, version, request, before);
    return {
      plans: async (request, before) => plannedFrom(await open(request, before), request),
      operations: {
        down: async (input, run) => takeDown(await open(directoryOf(input)), run),
        destroy: async (input, run) => destroyEnvironment(await open(directoryOf(input)), input, run),
      },
      follow: (engine) => followLaunches(engine, ground, open),
    };
  };
}

function directoryOf(input: unknown): { directory: string; options: Record<string, never> } {
  const directory = typeof input === 'object' && input !== null && 'directory' in input ? input.directory : undefined;
  if (typeof directory === 'string') return { directory, options: {} };
  return fail({ kind: 'input', what: 'the request names no directory', next: 'give the folder of holdpoint.yaml' });
}

async function openWorld(
  ground: Ground,
  version: string,
  request: Pick<LaunchRequest, 'directory' | 'options'>,
  before: Plan | undefined,
): Promise<World> {
  const app = await appIn(request.directory);
  const window = request.options.window;
  return makeWorld({
    app,
    state: ground.state.root,
    host: localHost(),
    clock: systemClock,
    version,
    window: typeof window === 'number' ? milliseconds(window) : undefined,
    before: before && inputsOf(before),
    purpose: 'to-launch',
  });
}

/** What the steps of a plan said that they depend on, gathered; undefined where it says too little to go on with. */
function inputsOf(plan: Plan): Inputs | undefined {
  const all: Readonly<Record<string, Digest>> = Object.assign({}, ...plan.steps.map((s) => s.inputs));
  const { release, source, production, staging, holdpoint } = all;
  if (!release || !source || !production || !staging || !holdpoint) return undefined;
  return { release, source, production, staging, holdpoint };
}

async function appIn(directory: string): Promise<App> {
  const reading = await readApp(directory);
  if (reading.kind === 'app') return reading.app;
  throw new ProblemError(problemOfConfig(reading.problems));
}

async function plannedFrom(world: World, request: LaunchRequest): Promise<Planned> {
  if (request.environment !== world.production.name)
    fail({
      kind: 'input',
      what: `a launch goes to production, not to ${request.environment}`,
      where: request.directory,
      next: 'leave --environment out: staging is stood up on the way',
    });
  const known = await findRelease(world.releasesFolder, world.inputs.release);
  let release = known?.digest;
  // Asked at each leaf: the digest is known from the build on.
  const look = async () => {
    release ??= (await findRelease(world.releasesFolder, world.inputs.release))?.digest;
  };
  return {
    plan: planFor(world),
    host: world.host.name,
    runtime: world.production.settings.runtime,
    window: world.window,
    subject: () => {
      void look().catch(() => undefined);
      return release;
    },
  };
}

type Opened = (request: Pick<LaunchRequest, 'directory' | 'options'>, before?: Plan) => Promise<World>;

/** Renders the documents whenever a launch comes to rest, and removes its throw-away environment when it is over. */
function followLaunches(engine: Engine, ground: Ground, open: Opened): void {
  let rendering: Promise<void> = Promise.resolve();
  const render = (launch: string) => {
    rendering = rendering
      .then(() => renderDocuments(engine, ground, open, launch))
      .catch((thrown) => ground.log(`documents of ${launch}: ${problemOf(thrown).what}`));
  };
  const tidy = (launch: string) =>
    removeThrowAway(engine, ground, launch).catch((thrown) =>
      ground.log(`throw-away environment of ${launch}: ${problemOf(thrown).what}`),
    );
  engine.subscribe((event) => {
    if (event.kind === 'launch-state' && event.end.kind !== 'going') render(event.launch);
    if (event.kind === 'launch-closed') {
      render(event.launch);
      void tidy(event.launch);
    }
  });
  for (const { launch } of engine.records()) if (!engine.isOpen(launch)) void tidy(launch);
}

async function removeThrowAway(engine: Engine, ground: Ground, launch: string): Promise<void> {
  const { record } = await engine.snapshot(launch);
  const app = await appIn(record.request.directory);
  const settings = { app, state: ground.state.root, host: localHost(), clock: systemClock };
  if ((await preflightOwner(settings)) === launch) await removePreflight(settings);
}

async function renderDocuments(engine: Engine, ground: Ground, open: Opened, launch: string): Promise<void> {
  const { record, plan, state, leaves, asOf } = await engine.snapshot(launch);
  if (record.kind !== 'launch') return;
  const world = await open(record.request, plan);
  const written = await writeDeliverables(
    world.app.root,
    deliverables({
      app: world.app,
      plan,
      launch: state,
      now: asOf,
      release: leaves.findLast((leaf) => leaf.release !== undefined)?.release,
      ledger: { size: await ground.ledger.leaves.size(), checkpoint: await ground.ledger.checkpoint() },
      golden: goldenSettingsOf(world.production),
      procedures: [await deploymentProcedure(world)],
      drills: world.staging && world.app.recorder ? [applicationCrashDrill(world)] : [],
    }),
  );
  for (const each of written) if (each.kind === 'kept') ground.log(each.problem.what);
  await asTheirOwner(
    world.app.root,
    written.map((w) => w.path),
  );
}

/** Run as root in somebody's checkout, the documents belong to whom the checkout belongs to. */
async function asTheirOwner(root: string, paths: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(root);
  if (uid === 0) return;
  for (const path of [join(root, 'launch'), ...paths]) await chown(path, uid, gid);
}

/**
 * Every secret that Holdpoint has made or handed over for an environment, wherever it came from: none of them may be
 * stored anywhere else.
 */
export function knownSecrets(state: string): KnownSecret[] {
  const environments = join(state, 'environments');
  return namesIn(environments).flatMap((environment) => {
    const stores = join(environments, environment, 'runtime', 'stores');
    const handovers = namesIn(stores).filter((store) => store.startsWith('handover-'));
    const folders = [join(environments, environment, 'secrets'), ...handovers.map((store) => join(stores, store))];
    return folders.flatMap((folder) =>
      namesIn(folder).flatMap((name) => {
        const value = textOf(join(folder, name));
        return value === undefined ? [] : [{ name: `${environment} ${name}`, value: value.trim() }];
      }),
    );
  });
}

/** Undefined for what was removed since it was listed: an environment that is taken away meanwhile. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Nothing there yet: then there are no secrets of it either. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
