import { join } from 'node:path';
import type { App, EnvironmentSettings } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import type { Clock } from '../evidence/units.ts';
import type { Host } from '../hosts/host.ts';
import { openProcessRuntime } from '../runtimes/process/runtime.ts';
import type { Runtime } from '../runtimes/runtime.ts';
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
  /** Absolute path of the environment's own folder: record, secrets, certificates; the runtime keeps its stores in it. */
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
  readonly host: Host;
  readonly clock: Clock;
};

/** Opens the environment, makes its folder where it is not there, and looks for what runs of it. Starts nothing. */
export async function openEnvironment(open: OpenSettings): Promise<Environment> {
  const described = describeEnvironment(open);
  await open.host.folder(described.folder, { mode: 0o755 });
  const folder = join(described.folder, 'runtime');
  const runtime = await openProcessRuntime({ host: open.host, environment: tagOf(open), folder });
  return { ...withoutRuntime(described), runtime };
}

/** The environment as a plan needs it: nothing is touched, and nothing can be done to it. */
export function describeEnvironment(open: OpenSettings): Environment {
  const { app, name, kind, settings, host, clock } = open;
  return {
    name,
    kind,
    app,
    settings,
    ports: portPlan(app, settings),
    host,
    folder: join(open.state, 'environments', tagOf(open)),
    escrowFolder: join(open.state, 'escrow', tagOf(open)),
    clock,
    get runtime() {
      return fail({ kind: 'internal', what: `the environment ${name} was only described`, next: 'open it first' });
    },
  };
}

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
