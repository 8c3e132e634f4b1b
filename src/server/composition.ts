import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { App, Observe } from '../config/app.ts';
import { hostNamed } from '../config/host-name.ts';
import { problemOfConfig } from '../config/problem.ts';
import { readApp } from '../config/read.ts';
import type { Engine } from '../engine/engine.ts';
import { fieldOf, type Json, type LaunchRequest, type Planned } from '../engine/request.ts';
import { requireSocketPath } from '../environments/database.ts';
import { urls } from '../environments/environment.ts';
import { closeHosts } from '../environments/hosts.ts';
import { readRecord } from '../environments/record.ts';
import { fail, ProblemError, problemOf } from '../evidence/problem.ts';
import { type Digest, milliseconds, systemClock } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import type { KnownSecret } from '../ledger/secret-search.ts';
import type { Plan } from '../plan/step.ts';
import { findRelease } from '../releases/build.ts';
import { makeWorld, type WorldSettings } from '../tracks/make-world.ts';
import { planFor } from '../tracks/plan-for.ts';
import { preflightOwner, removePreflight } from '../tracks/preflight-environment.ts';
import type { Inputs, World } from '../tracks/world.ts';
import { destroyEnvironment, takeDown } from './environment-operations.ts';
import { LaunchDocuments, type Opened, type Rendered } from './launch-documents.ts';
import type { Composition, Ground } from './serve.ts';

/** What makes the resident process Holdpoint's own: how plans are made, documents rendered, environments ended. */
export function compose(version: string): (ground: Ground) => Composition {
  return (ground) => {
    const toRead: Opened = (request, plan) => openWorld(ground, version, request, plan, 'to-read');
    const toEnd = (input: Json) => openWorld(ground, version, appOf(input), undefined, 'to-end');
    const renderer = new LaunchDocuments(ground, toRead);
    return {
      plans: async (request, before) =>
        plannedFrom(await openWorld(ground, version, request, before, 'to-launch'), request),
      operations: {
        places: async (input) => places(await renderer.documentsOf(named(input, 'launch', 'give the name of one'))),
        down: (input, run) => renderer.apart(async () => takeDown(await toEnd(input), run)),
        destroy: (input, run) => renderer.apart(async () => destroyEnvironment(await toEnd(input), input, run)),
      },
      follow: (engine) => followLaunches(engine, ground, renderer),
      close: async () => {
        // What a launch that was just closed leaves behind is still being removed.
        await renderer.apart(async () => undefined);
        await closeHosts();
      },
    };
  };
}

const appOf = (input: Json): Parameters<Opened>[0] => ({
  directory: named(input, 'directory', 'give the folder of holdpoint.yaml'),
  options: {},
});

function named(input: Json, what: string, next: string): string {
  const value = fieldOf(input, what);
  return typeof value === 'string' ? value : fail({ kind: 'input', what: `the request names no ${what}`, next });
}

/** Where a person can look at what was launched: the live addresses, and absolute paths of the documents. */
async function places({ world, documents }: Rendered): Promise<Json> {
  const { observe } = world.app;
  if (observe) return { urls: { app: observe.url }, documents };
  const { live } = await readRecord(world.production);
  return { urls: live === undefined ? {} : urls(world.production), documents };
}

async function openWorld(
  ground: Ground,
  version: string,
  request: Pick<LaunchRequest, 'directory' | 'options'>,
  before: Plan | undefined,
  purpose: WorldSettings['purpose'],
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
    purpose,
    on: askedFor(request.options, app),
    mayPrepare: request.options.yes === true ? 'yes' : 'no',
  });
}

/** Host and runtime that were named at the command line. */
function askedFor({ host, runtime }: LaunchRequest['options'], app: App): WorldSettings['on'] {
  return {
    host: typeof host === 'string' ? hostNamed(host, app) : undefined,
    runtime: runtime === 'docker' || runtime === 'process' ? runtime : undefined,
  };
}

/** What the steps of a plan said that they depend on, gathered; undefined where it says too little to go on with. */
function inputsOf(plan: Plan): Omit<Inputs, 'window'> | undefined {
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
  if (world.app.observe) return plannedToObserve(world, world.app.observe, request);
  requireSocketPath(world.production);
  const known = await findRelease(world.releasesFolder, world.inputs.release);
  let release = known?.digest;
  // Asked at each leaf: the digest is known from the build on.
  const look = async () => {
    release ??= (await findRelease(world.releasesFolder, world.inputs.release))?.digest;
  };
  return {
    plan: planFor(world),
    host: world.production.host.name,
    runtime: world.production.runtime.kind,
    window: world.window,
    subject: () => {
      void look().catch(() => undefined);
      return release;
    },
  };
}

/** Whatever runs there, and on what, was chosen by somebody else: only where it answers is known, and no release. */
function plannedToObserve(world: World, { url }: Observe, { options, directory }: LaunchRequest): Planned {
  const asked = (['host', 'runtime'] as const).find((option) => options[option] !== undefined);
  if (asked !== undefined)
    fail({
      kind: 'input',
      what: `--${asked} says where to deploy, and ${world.app.name} is only observed`,
      where: directory,
      next: `leave --${asked} out`,
    });
  return { plan: planFor(world), host: new URL(url).host, runtime: 'none', window: world.window };
}

/**
 * Renders the documents whenever a launch comes to rest, and removes its throw-away environment when it is over. Whoever ends an
 * environment waits for both. */
function followLaunches(engine: Engine, ground: Ground, renderer: LaunchDocuments): void {
  renderer.follow(engine);
  const render = (launch: string) =>
    renderer.documentsOf(launch).catch((thrown) => ground.log(`documents of ${launch}: ${problemOf(thrown).what}`));
  const tidy = (launch: string) =>
    renderer
      .apart(() => removeThrowAway(engine, ground, launch))
      .catch((thrown) => ground.log(`throw-away environment of ${launch}: ${problemOf(thrown).what}`));
  engine.subscribe((event) => {
    if (event.kind === 'launch-state' && event.end.kind !== 'going') void render(event.launch);
    if (event.kind === 'launch-closed') {
      void render(event.launch);
      void tidy(event.launch);
    }
  });
  for (const { launch } of engine.records()) if (!engine.isOpen(launch)) void tidy(launch);
}

async function removeThrowAway(engine: Engine, ground: Ground, launch: string): Promise<void> {
  const { record } = await engine.snapshot(launch);
  const app = await appIn(record.request.directory);
  const settings = { app, state: ground.state.root, host: localHost(), clock: systemClock, on: undefined };
  if ((await preflightOwner(settings)) === launch) await removePreflight(settings);
}

/**
 * Every secret that Holdpoint has made or handed over for an environment, wherever it came from: none of them may be
 * stored anywhere else.
 */
export function knownSecrets(state: string): KnownSecret[] {
  const environments = join(state, 'environments');
  return namesIn(environments).flatMap((environment) =>
    ['secrets', 'handed-over'].flatMap((kind) => {
      const folder = join(environments, environment, kind);
      return namesIn(folder).flatMap((name) => {
        const value = textOf(join(folder, name));
        return value === undefined ? [] : [{ name: `${environment} ${name}`, value: value.trim() }];
      });
    }),
  );
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
