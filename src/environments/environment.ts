import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { App, EnvironmentSettings } from '../config/app.ts';
import { ownCache } from '../config/own-cache.ts';
import { fail } from '../evidence/problem.ts';
import type { Clock } from '../evidence/units.ts';
import type { Address, Host } from '../hosts/host.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { chosenRuntime, environmentFolder, type RuntimeWish } from './chosen-runtime.ts';
import type { PortPlan } from './ports.ts';
import { portPlan } from './ports.ts';

/**
 * Where a release runs: the app's services with the parts beside them, on one host, carried out by one runtime.
 * `lasting` environments keep their data until a person destroys them; `throw-away` ones are made for a check and are
 * removed with everything in them.
 */
export type Environment = {
  readonly name: string;
  readonly kind: 'lasting' | 'throw-away';
  readonly app: App;
  readonly settings: EnvironmentSettings;
  readonly ports: PortPlan;
  readonly host: Host;
  readonly runtime: Runtime;
  /** Absolute path of the environment's own folder on this machine: record, secrets, certificates. */
  readonly folder: string;
  /** Where copies of the keys are kept apart from the environment. */
  readonly escrowFolder: string;
  readonly clock: Clock;
};

export type OpenSettings = {
  readonly app: App;
  readonly name: string;
  readonly kind: Environment['kind'];
  readonly settings: EnvironmentSettings;
  /** The state directory. */
  readonly state: string;
  /** The machine that Holdpoint itself runs on. */
  readonly host: Host;
  readonly clock: Clock;
  /** Absent: as it is asked for. */
  readonly where?: RuntimeWish['where'];
};

/**
 * Opens the environment, makes its folder where it is not there, and looks for what runs of it. Starts nothing.
 *
 * @throws ProblemError `conflict`: it stands on another runtime or host than is asked for
 */
export async function openEnvironment(open: OpenSettings): Promise<Environment> {
  const described = describeEnvironment(open);
  await mkdir(described.folder, { recursive: true, mode: 0o755 });
  await chmod(described.folder, 0o755);
  const { host, runtime } = await chosenRuntime({
    name: tagOf(open),
    kind: open.kind,
    folder: described.folder,
    production: environmentFolder(open.state, tagOf({ ...open, name: PRODUCTION })),
    state: open.state,
    settings: open.settings,
    where: open.where ?? 'as-asked',
    here: open.host,
  });
  return { ...withoutRuntime(described), host, runtime };
}

/** Where Holdpoint itself reaches a port of a unit; undefined while the unit does not run. */
export async function reach({ runtime, host }: Environment, unit: string, port: number): Promise<Address | undefined> {
  const address = await runtime.address(unit, port);
  return address && host.reach(address);
}

/** What an environment shows to the host: `preview` leads to the slot that is not live. */
export type Door = 'public' | 'preview' | 'prometheus' | 'alertmanager';

const portOf = ({ ports }: Environment, which: Door): number => {
  switch (which) {
    case 'public':
      return ports.https;
    case 'preview':
      return ports.preview;
    case 'prometheus':
      return ports.prometheus;
    case 'alertmanager':
      return ports.alertmanager;
  }
};

/** Where Holdpoint itself reaches one of the doors. All are on 127.0.0.1 of the environment's host. */
export const door = (environment: Environment, which: Door): Promise<Address> =>
  environment.host.reach({ host: '127.0.0.1', port: portOf(environment, which) });

/** `https://127.0.0.1:8443`: no name is looked up on the way; certificates are checked all the same. */
export async function doorUrl(environment: Environment, which: Door): Promise<string> {
  const { host, port } = await door(environment, which);
  return `https://${host}:${port}`;
}

/** The ports that an environment takes of its host, with what each is for. */
export function hostPorts(environment: Environment): readonly { readonly port: number; readonly what: string }[] {
  const all = environment.ports.all();
  if (environment.runtime.abilities.isolation.kind === 'cannot') return all;
  const doors = (['public', 'preview', 'prometheus', 'alertmanager'] as const).map((d) => portOf(environment, d));
  return all.filter(({ port }) => doors.includes(port));
}

/** The environment as a plan needs it: nothing is touched, and nothing can be done to it. */
export function describeEnvironment(open: OpenSettings): Environment {
  const { app, name, kind, settings, host, clock } = open;
  return {
    name,
    kind,
    app: name === PRODUCTION ? app : withOwnServers(app),
    settings,
    ports: portPlan(app, settings),
    host,
    folder: environmentFolder(open.state, tagOf(open)),
    escrowFolder: join(open.state, 'escrow', tagOf(open)),
    clock,
    get runtime() {
      return fail({ kind: 'internal', what: `the environment ${name} was only described`, next: 'open it first' });
    },
  };
}

/** Whether something can be done to it: one that is only described has no runtime yet. */
export const isOpen = (environment: Environment): boolean =>
  Object.getOwnPropertyDescriptor(environment, 'runtime')?.get === undefined;

export const PRODUCTION = 'production';

/**
 * Servers of somebody else serve production alone: what staging and throw-away environments do to a database must not
 * reach it, so there Holdpoint runs them.
 */
const withOwnServers = (app: App): App => ({
  ...app,
  database: app.database && { ...app.database, managed: { kind: 'by-holdpoint' } },
  cache: app.cache && { ...app.cache, managed: app.cache.managed.kind === 'by-url' ? ownCache() : app.cache.managed },
  prometheus: undefined,
  loadBalancer: undefined,
});

const tagOf = ({ app, name }: OpenSettings): string => `${app.name}-${name}`;

/** Copied by name: a spread would ask for the runtime that is not there. */
function withoutRuntime(e: Environment): Omit<Environment, 'runtime'> {
  const { name, kind, app, settings, ports, host, folder, escrowFolder, clock } = e;
  return { name, kind, app, settings, ports, host, folder, escrowFolder, clock };
}

/** The addresses that a person can open. */
export function urls(environment: Environment): {
  readonly app: string;
  readonly prometheus: string;
  readonly alertmanager: string;
} {
  const { hostname } = environment.settings;
  const at = (port: number) => `https://${hostname}:${port}/`;
  return {
    app: at(environment.ports.https),
    prometheus: at(environment.ports.prometheus),
    alertmanager: at(environment.ports.alertmanager),
  };
}
