import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EnvironmentSettings, HostSettings, RuntimeKind } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import type { Host } from '../hosts/host.ts';
import { isSshHost } from '../hosts/ssh/host.ts';
import type { Engine, FoundEngine } from '../runtimes/docker/engine.ts';
import { openProcessRuntime } from '../runtimes/process/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { hostOf } from './hosts.ts';
import { changeRecord, readRecord, type StandsOn } from './record.ts';

export type RuntimeWish = {
  /** `stockroom-production` */
  readonly name: string;
  readonly kind: 'lasting' | 'throw-away';
  /** The environment's own folder. */
  readonly folder: string;
  /** The folder of the app's production; its own, where it is production. */
  readonly production: string;
  /** The state directory. */
  readonly state: string;
  readonly settings: EnvironmentSettings;
  /** `as-it-stands`: what is asked for does not count, to end what is there. */
  readonly where: 'as-asked' | 'as-it-stands';
  /** The machine that Holdpoint itself runs on. */
  readonly here: Host;
};

type Chosen = { readonly host: Host; readonly runtime: Runtime; readonly engine?: string };

/**
 * Opens host and runtime of an environment: what is asked for; else what it stands on already; else `docker` where an
 * engine answers; else `process`. What was chosen is remembered until the environment is destroyed: its data lies there.
 */
export async function chosenRuntime(wish: RuntimeWish): Promise<Pick<Chosen, 'host' | 'runtime'>> {
  const { standsOn } = await readRecord(wish);
  if (standsOn && wish.where === 'as-asked') refuseToMove(standsOn, wish);
  const host = standsOn ? settingsOf(standsOn.host) : wish.settings.host;
  const { runtime, engine, ...on } = await open(wish, await hostOf(host, wish), standsOn);
  // Who only ends what is there chooses nothing for the next launch.
  if (wish.kind === 'lasting' && wish.where === 'as-asked' && (standsOn === undefined || standsOn.engine !== engine))
    await changeRecord(wish, {
      standsOn: { host: placeOf(host), runtime: runtime.kind, ...(engine === undefined ? {} : { engine }) },
    });
  return { ...on, runtime };
}

const placeOf = (host: HostSettings): string => (host.kind === 'local' ? LOCAL : host.destination);
const settingsOf = (place: string): HostSettings =>
  place === LOCAL ? { kind: 'local' } : { kind: 'ssh', name: place, destination: place };
const LOCAL = 'local';

/** The host `local` that nobody has named is no wish to move away from another one. */
function refuseToMove(standsOn: StandsOn, { name, folder, settings }: RuntimeWish): void {
  const nobodySaid = settings.host.kind === 'local' && settings.host.named !== true;
  const host = nobodySaid ? standsOn.host : placeOf(settings.host);
  const runtime = settings.runtime ?? standsOn.runtime;
  if (host === standsOn.host && runtime === standsOn.runtime) return;
  fail({
    kind: 'conflict',
    what: `${name} stands on ${inWords(standsOn)}, and ${inWords({ host, runtime })} is asked for`,
    where: folder,
    next: 'leave host and runtime as they are, or destroy the environment first (`holdpoint destroy`): its data does not move by itself',
  });
}

const inWords = ({ host, runtime }: StandsOn): string => `the runtime ${runtime} on ${host}`;

/**
 * What an environment that may not be open yet would stand on, as far as this machine has to be prepared for it.
 *
 * @param ask `state`: the state directory; `app` and `name`: of the environment
 */
export async function expectedRuntime(ask: {
  readonly state: string;
  readonly app: string;
  readonly name: string;
  readonly settings: EnvironmentSettings;
}): Promise<'process here' | 'docker here' | 'elsewhere'> {
  const { standsOn } = await readRecord({ folder: environmentFolder(ask.state, `${ask.app}-${ask.name}`) });
  const host = standsOn ? settingsOf(standsOn.host) : ask.settings.host;
  if (host.kind === 'ssh') return 'elsewhere';
  const kind = standsOn?.runtime ?? ask.settings.runtime;
  if (kind !== undefined) return `${kind} here`;
  const { findEngine } = await import('../runtimes/docker/engine.ts');
  return (await findEngine({})).kind === 'engine' ? 'docker here' : 'process here';
}

/** @param tag `stockroom-production` */
export const environmentFolder = (state: string, tag: string): string => join(state, 'environments', tag);

async function open(wish: RuntimeWish, host: Host, standsOn: StandsOn | undefined): Promise<Chosen> {
  const kind: RuntimeKind | undefined = standsOn?.runtime ?? wish.settings.runtime;
  if (kind === 'process') return { host, runtime: await openProcess(wish, host) };
  const found = await foundEngine(host, wish, standsOn);
  if (found.kind === 'engine') {
    const runtime = await openDocker(wish, host, found.engine);
    return { host, runtime, ...(isSshHost(host) ? {} : { engine: found.engine.where }) };
  }
  if (kind === undefined) return { host, runtime: await openProcess(wish, host) };
  if (found.why === 'unusable') return fail(found.problem);
  const isNew = standsOn === undefined && wish.kind === 'lasting';
  return fail({
    ...found.problem,
    what: `no container engine answers, and ${wish.name} needs it`,
    next: isNew
      ? 'start it (`sudo systemctl start docker`), or install one (`sudo apt-get install docker.io`), or use `runtime: process`'
      : 'start it (`sudo systemctl start docker`) and try again: units and data of the environment are there and come back with it',
  });
}

async function openDocker(wish: RuntimeWish, host: Host, engine: Engine): Promise<Runtime> {
  const { openDockerRuntime } = await import('../runtimes/docker/runtime.ts');
  const folder = join(wish.folder, 'runtime');
  return openDockerRuntime({ host, engine, environment: wish.name, id: idOf(wish), folder });
}

async function openProcess(wish: RuntimeWish, host: Host): Promise<Runtime> {
  if (!isSshHost(host))
    return openProcessRuntime({ host, environment: wish.name, folder: join(wish.folder, 'runtime') });
  const { openRemoteProcessRuntime } = await import('../runtimes/remote/process-runtime.ts');
  return openRemoteProcessRuntime({
    host,
    environment: wish.name,
    folder: join(host.root, 'environments', idOf(wish)),
  });
}

/**
 * Looks for the engine. One that an environment stands on is looked for where it was: on another one there would be
 * nothing of it, and that would be taken for an environment that was never launched. Those beside production are on its
 * engine, where nobody asks for another one.
 *
 * @throws ProblemError `conflict`: DOCKER_HOST or a context asks for another one, which has nothing of the environment
 */
async function foundEngine(host: Host, wish: RuntimeWish, standsOn: StandsOn | undefined): Promise<FoundEngine> {
  const { engineSaid, findEngine, PATIENCE } = await import('../runtimes/docker/engine.ts');
  if (isSshHost(host)) return findEngine({ socket: await host.forwardSocket('/var/run/docker.sock') });
  // A throw-away environment is opened in the middle of a launch, which an engine that restarts must not end.
  const patient = wish.kind === 'throw-away' ? { wait: PATIENCE } : {};
  const asked = await engineSaid(process.env);
  const before = standsOn?.engine;
  const there = before ?? (await readRecord({ folder: wish.production })).standsOn?.engine;
  const atIt = (engine: string) => findEngine({ ...patient, variables: { ...process.env, DOCKER_HOST: engine } });
  if (asked === undefined && there !== undefined) return atIt(there);
  // By itself, so that the certificates of a context are used, too.
  const found = await findEngine(patient);
  if (before === undefined || asked === before) return found;
  // The same engine, which answers somewhere else now.
  if (found.kind === 'engine' && (await (await openDocker(wish, host, found.engine)).stores()).length > 0) return found;
  if (wish.where === 'as-it-stands') return atIt(before);
  return fail({
    kind: 'conflict',
    what: `${wish.name} stands on the engine at ${before}, and the one at ${asked} is asked for, which has nothing of it`,
    where: wish.folder,
    next: 'leave DOCKER_HOST and the docker context as they were, end the resident process, which has them from its start, and run the command again; or destroy the environment first (`holdpoint destroy`): its data does not move by itself',
  });
}

/** Two state directories may use one engine or one remote host: their environments of one name are not the same. */
function idOf({ name, folder }: RuntimeWish): string {
  return `${name}-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
}
