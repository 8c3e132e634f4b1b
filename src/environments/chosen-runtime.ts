import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EnvironmentSettings, HostSettings, RuntimeKind } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import type { Host } from '../hosts/host.ts';
import { isSshHost } from '../hosts/ssh/host.ts';
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
  /** The state directory. */
  readonly state: string;
  readonly settings: EnvironmentSettings;
  /** `as-it-stands`: what is asked for does not count, to end what is there. */
  readonly where: 'as-asked' | 'as-it-stands';
  /** The machine that Holdpoint itself runs on. */
  readonly here: Host;
};

type Chosen = { readonly host: Host; readonly runtime: Runtime };

/**
 * Opens host and runtime of an environment: what is asked for; else what it stands on already; else `docker` where an
 * engine answers; else `process`. What was chosen is remembered until the environment is destroyed: its data lies there.
 */
export async function chosenRuntime(wish: RuntimeWish): Promise<Chosen> {
  const { standsOn } = await readRecord(wish);
  if (standsOn && wish.where === 'as-asked') refuseToMove(standsOn, wish);
  const host = standsOn ? settingsOf(standsOn.host) : wish.settings.host;
  const chosen = await open(wish, await hostOf(host, wish), standsOn?.runtime ?? wish.settings.runtime);
  // Who only ends what is there chooses nothing for the next launch.
  if (wish.kind === 'lasting' && wish.where === 'as-asked' && standsOn === undefined)
    await changeRecord(wish, { standsOn: { host: placeOf(host), runtime: chosen.runtime.kind } });
  return chosen;
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

async function open(wish: RuntimeWish, host: Host, kind: RuntimeKind | undefined): Promise<Chosen> {
  if (kind === 'process') return { host, runtime: await openProcess(wish, host) };
  const { findEngine } = await import('../runtimes/docker/engine.ts');
  const found = await findEngine(await engineOf(host));
  if (found.kind === 'engine') {
    const { openDockerRuntime } = await import('../runtimes/docker/runtime.ts');
    const settings = { host, engine: found.engine, environment: wish.name, id: idOf(wish) };
    return { host, runtime: await openDockerRuntime({ ...settings, folder: join(wish.folder, 'runtime') }) };
  }
  if (kind === undefined) return { host, runtime: await openProcess(wish, host) };
  return fail({
    kind: 'host',
    what: `no container engine answers: ${found.reason}`,
    where: host.name,
    next: 'start it (`sudo systemctl start docker`), or install one (`sudo apt-get install docker.io`), or use `runtime: process`',
  });
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

async function engineOf(host: Host): Promise<{ readonly socket?: string }> {
  return isSshHost(host) ? { socket: await host.forwardSocket('/var/run/docker.sock') } : {};
}

/** Two state directories may use one engine or one remote host: their environments of one name are not the same. */
function idOf({ name, folder }: RuntimeWish): string {
  return `${name}-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
}
