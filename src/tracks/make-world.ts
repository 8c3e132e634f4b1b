import { join } from 'node:path';
import type { App, HostSettings, Observe, RuntimeKind } from '../config/app.ts';
import { describeEnvironment, type Environment, isOpen, openEnvironment } from '../environments/environment.ts';
import { aim, epochDigest, epochFor } from '../environments/epoch.ts';
import { readRecord } from '../environments/record.ts';
import { fail } from '../evidence/problem.ts';
import { type Clock, type Digest, hours, type Milliseconds } from '../evidence/units.ts';
import type { Host } from '../hosts/host.ts';
import type { Attempt } from '../plan/step.ts';
import { findRelease } from '../releases/build.ts';
import { missingImages } from '../releases/carried-images.ts';
import { digestOf, digestOfNamed } from '../releases/digest.ts';
import { buildInputs, type Release } from '../releases/release.ts';
import { secretFiles } from '../releases/secret-files.ts';
import { sourceTree } from '../releases/source-tree.ts';
import { openPreflight } from './preflight-environment.ts';
import { standUp } from './stand-up.ts';
import type { Inputs, World } from './world.ts';

/** What the plan asks for: a day. A shorter window makes go-live provisional. */
export const PLANNED_WINDOW: Milliseconds = hours(24);

export type WorldSettings = {
  readonly app: App;
  /** The state directory. */
  readonly state: string;
  readonly host: Host;
  readonly clock: Clock;
  readonly version: string;
  /** Absent: what holdpoint.yaml says. */
  readonly window: Milliseconds | undefined;
  /** The inputs of the launch that goes on, by the plan that it had. Absent: the source as it is now. */
  readonly before: Omit<Inputs, 'window'> | undefined;
  /**
   * `to-launch` opens the environments as they are asked for, `to-end` as they stand, `to-read` those alone that stand;
   * `to-look` touches nothing, for a plan that is only printed.
   */
  readonly purpose: 'to-launch' | 'to-end' | 'to-read' | 'to-look';
  /** Asked for at the command line, before what holdpoint.yaml says. */
  readonly on?: { readonly host?: HostSettings | undefined; readonly runtime?: RuntimeKind | undefined } | undefined;
  /** Whether packages and users may be put onto a host without asking again. */
  readonly mayPrepare?: 'yes' | 'no';
};

export async function makeWorld(settings: WorldSettings): Promise<World> {
  const { app, state, host, clock } = settings;
  const left = [...app.ignore, ...secretFiles(app)];
  const source = await sourceTree(app.root, left);
  // What is no part of a release (tests, say) still decides what a pipeline finds.
  const everything = left.length === 0 ? source : await sourceTree(app.root, []);
  const present = buildInputs(app, source);
  const target = settings.before?.release ?? present;
  const production = await environmentOf(settings, 'production');
  const staging = app.environments.staging ? await environmentOf(settings, 'staging') : undefined;
  const epochs = {
    production: app.observe ? 0 : await epochOf(production, target, settings),
    staging: staging ? await epochOf(staging, target, settings) : 0,
  };
  const releasesFolder = join(state, 'releases');
  const release = async () => {
    const found =
      (await findRelease(releasesFolder, target)) ??
      fail({
        kind: 'host',
        what: 'the release is not there (any more)',
        where: releasesFolder,
        next: '`holdpoint retry A.2/release` builds it',
      });
    if (!app.observe) await requireImages(found, production);
    return found;
  };

  let standing: Promise<Environment> | undefined;
  const preflight = async (attempt: Attempt): Promise<Environment> => {
    if (app.observe) return refuseToDeploy(app);
    standing ??= standUpPreflight(attempt);
    // A failed start is not kept: the next attempt tries again.
    standing.catch(() => {
      standing = undefined;
    });
    return standing;
  };
  const standUpPreflight = async (attempt: Attempt): Promise<Environment> => {
    const on = { host: production.settings.host, runtime: production.runtime.kind };
    const environment = await openPreflight({ app, state, host, clock, on }, attempt.launch);
    const { signal, progress } = attempt;
    await standUp(environment, { release: await release(), signal, clock, progress });
    return environment;
  };

  return {
    app,
    checkout: async (purpose) => {
      if (present === target) return purpose === 'release' ? source : everything;
      return fail({
        kind: 'conflict',
        what: 'the source is not what the launch was planned for',
        where: app.root,
        next: 'bring the source back and retry the step, or abort this launch and launch again',
      });
    },
    host,
    clock,
    mayPrepare: settings.mayPrepare ?? 'no',
    window: { length: settings.window ?? app.window.length, planned: PLANNED_WINDOW },
    inputs: {
      ...(settings.before ?? {
        release: target,
        source: everything.digest,
        production: app.observe ? observedNow(app, app.observe, clock) : epochDigest(production, epochs.production),
        staging: staging ? epochDigest(staging, epochs.staging) : digestOf('no staging'),
        holdpoint: digestOf(`${settings.version} on ${whereItStands(production, settings)}`),
      }),
      window: digestOf(`window of ${settings.window ?? app.window.length} ms`),
    },
    production,
    staging,
    releasesFolder,
    scratchFolder: join(state, 'scratch'),
    release,
    preflight,
    aim: async (which) => {
      if (app.observe) return;
      const environment = which === 'production' ? production : staging;
      if (environment) await aim(environment, target, epochs[which]);
    },
  };
}

/** Somebody may have tidied up the engine since the release was built. */
async function requireImages(release: Release, environment: Environment): Promise<void> {
  const images = isOpen(environment) ? environment.runtime.images : undefined;
  const [gone] = (await missingImages(release, images)).values();
  if (gone === undefined) return;
  fail({
    kind: 'host',
    what: `the image of the service ${gone} is gone from the engine`,
    where: environment.name,
    next: '`holdpoint check A.2/release` builds it again, or pulls it',
  });
}

/**
 * What is observed now. Which release it is nobody tells us, and another may stand there the next minute: so what one
 * launch saw is no evidence for another.
 */
const observedNow = (app: App, observe: Observe, clock: Clock): Digest =>
  digestOfNamed({ app: app.name, observed: JSON.stringify(observe), since: String(clock()) });

const refuseToDeploy = (app: App): never =>
  fail({
    kind: 'internal',
    what: `${app.name} is only observed, and a step asked for an environment of it`,
    where: app.root,
    next: 'report it with the output of `holdpoint logs`',
  });

/** What was seen on one host and runtime says nothing of another. */
function whereItStands(environment: Environment, { app }: WorldSettings): string {
  if (app.observe) return 'what is observed';
  return isOpen(environment) ? `${environment.runtime.kind} of ${environment.host.name}` : 'nothing yet';
}

/** A launch that goes on belongs to the epoch that it began, whatever has happened to its units meanwhile. */
async function epochOf(environment: Environment, target: Digest, { before }: WorldSettings): Promise<number> {
  return epochFor(environment, target, before || !isOpen(environment) ? 'recorded' : 'running');
}

async function environmentOf(
  { app, state, host, clock, purpose, on }: WorldSettings,
  name: 'production' | 'staging',
): Promise<Environment> {
  const wished = app.environments[name] ?? app.environments.production;
  const settings = { ...wished, host: on?.host ?? wished.host, runtime: on?.runtime ?? wished.runtime };
  const where = purpose === 'to-launch' ? 'as-asked' : 'as-it-stands';
  const open = { app, name, kind: 'lasting', settings, state, host, clock, where } as const;
  // What is only observed is never opened: nothing of it is ours to list, start or stop.
  const described = describeEnvironment(open);
  if (app.observe || purpose === 'to-look') return described;
  if (purpose === 'to-read' && (await readRecord(described)).standsOn === undefined) return described;
  return openEnvironment(open);
}
