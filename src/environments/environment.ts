import { join } from 'node:path';
import type { App, EnvironmentSettings } from '../config/app.ts';
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

/** Opens the environment, makes its folder where it is not there, and takes up what runs of it. Starts nothing. */
export async function openEnvironment(open: OpenSettings): Promise<Environment> {
  const { app, name, kind, settings, host, clock } = open;
  const tag = `${app.name}-${name}`;
  const folder = join(open.state, 'environments', tag);
  await host.folder(folder, { mode: 0o755 });
  const runtime = await openProcessRuntime({ host, environment: tag, folder: join(folder, 'runtime') });
  const escrowFolder = join(open.state, 'escrow', tag);
  return { name, kind, app, settings, ports: portPlan(app, settings), host, runtime, folder, escrowFolder, clock };
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
