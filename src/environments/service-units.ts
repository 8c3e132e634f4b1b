import type { App, Cache, Command, Service } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import { reads, writes } from '../parts/part.ts';
import type { Release } from '../releases/release.ts';
import type { Slot, Software, Unit } from '../runtimes/unit.ts';
import type { Environment } from './environment.ts';
import { addressVariables } from './service-addresses.ts';

/** The store that holds the files by which a service is handed its secrets. */
export const handoverStore = (service: string): string => `handover-${service}`;

/** The store of one of a service's volumes. Both slots share it: it outlives every instance. */
export const volumeStore = (service: string, volume: string): string => `volume-${service}-${volume}`;

/** A value that a service is handed as a file, or by an environment variable that only the service itself sees. */
export type Handover = { readonly variable: string; readonly as: 'file' | 'value'; readonly file: string };

/** What is needed of a release to describe its units. */
export type Runnable = Pick<Release, 'folder' | 'tree' | 'images'>;

/** What is handed over by the files of a store, without the values: enough to build a unit or a job. */
function handovers({ app, runtime }: Environment, store: string): Handover[] {
  const { database, cache, secrets } = app;
  const given = (name: string, handover: { variable: string; as: 'file' | 'value' }): Handover => ({
    ...handover,
    file: runtime.place.path(store, name),
  });
  return [
    ...(database ? [given('database-url', database.handover)] : []),
    ...(cache
      ? cacheUrls(cache).map(({ variable, number }) => given(cacheFile(number), { variable, as: cache.handover.as }))
      : []),
    ...secrets.map((secret) => given(`secret-${secret.name}`, secret.handover)),
  ];
}

/** Every variable that carries a URL of the cache, with the number of the database that it leads to. */
export const cacheUrls = ({ handover, databases }: Cache): Cache['databases'] => [
  { variable: handover.variable, number: 0 },
  ...databases,
];

/** The file with the URL of one of the cache's databases. */
export const cacheFile = (number: number): string => (number === 0 ? 'cache-url' : `cache-url-${number}`);

/** What a service finds, and a job that runs in its place: its variables, what is handed over, its volumes. */
export function surroundings(
  environment: Environment,
  service: Service | undefined,
  store: string,
  slot: Slot | undefined,
) {
  const { place } = environment.runtime;
  const given = handovers(environment, store);
  const volumes = (service?.volumes ?? []).map((volume) => {
    const ofIt = volumeStore(service?.name ?? '', volume.name);
    return { store: ofIt, variable: volume.variable, path: place.path(ofIt, volume.file) };
  });
  return {
    given,
    mounts: [...reads(store), ...writes(...volumes.map((volume) => volume.store))],
    environment: {
      ...service?.environment,
      ...addressVariables(environment, service, slot),
      ...Object.fromEntries(given.filter((h) => h.as === 'file').map((h) => [h.variable, h.file])),
      ...Object.fromEntries(volumes.map(({ variable, path }) => [variable, path])),
    },
  };
}

export const webServices = ({ app }: Environment): Service[] => app.services.filter((s) => s.kind === 'web');

export const unitName = (service: Service, slot: Slot | undefined, instance: number): string =>
  [service.name, ...(slot ? [slot] : []), instance + 1].join('-');

/**
 * The port that an instance listens on: the one that it is told, or, where it has a network of its own, its fixed one.
 *
 * @throws ProblemError `input`: it has a fixed one, and instances share the ports of the host
 */
export function portOfInstance(
  { name, ports, runtime }: Environment,
  service: Service,
  slot: Slot | undefined,
  instance: number,
): number {
  if (service.port === undefined) return ports.service(service.name, slot, instance);
  if (runtime.abilities.isolation.kind === 'can') return service.port;
  return fail({
    kind: 'input',
    what: `${service.name} listens on port ${service.port} whatever it is told, and services share the ports of their host on this runtime`,
    where: name,
    next: 'set `runtime: docker` for the environment, or take `port` away and name the variable that tells it in `portVariable`',
  });
}

/** One unit per instance of a service in a slot. Agents have no slot: the old instances end before the new ones start. */
export function serviceUnits(
  environment: Environment,
  release: Runnable,
  service: Service,
  slot: Slot | undefined,
): Unit[] {
  const { place } = environment.runtime;
  const seen = surroundings(environment, service, handoverStore(service.name), slot);
  return Array.from({ length: service.instances }, (_, instance): Unit => {
    const port = portOfInstance(environment, service, slot, instance);
    return {
      name: unitName(service, slot, instance),
      of: service.name,
      role: service.kind,
      ...(slot ? { slot } : {}),
      software: softwareOf(release, environment.app, service),
      command: withValues(seen.given, commandOf(release, service)),
      mounts: seen.mounts,
      networks: environment.app.database ? ['app', 'database'] : ['app'],
      environment: {
        ...seen.environment,
        [service.portVariable]: String(port),
        [service.hostVariable]: place.listen,
      },
      user: 'app',
      ports: [{ name: 'http', number: port }],
      stop: { signal: service.stop.signal, grace: service.stop.drain },
      restart: 'always',
      memory: service.memory,
    };
  });
}

const treeOf = (release: Runnable, app: App): Software => ({
  kind: 'tree',
  folder: release.folder,
  digest: release.tree,
  packages: app.packages,
});

function softwareOf(release: Runnable, app: App, service: Service): Software {
  return service.source.kind === 'tree' ? treeOf(release, app) : { kind: 'image', id: imageOf(release, service).id };
}

/** Whose the app's own commands about its data are: the service that runs from the tree, else the first with an image. */
export const serviceOfCommands = ({ services }: App): Service | undefined =>
  services.find((service) => service.source.kind === 'tree') ?? services[0];

export function releaseSoftware(release: Runnable, app: App): Software {
  const made = serviceOfCommands(app);
  return made === undefined ? treeOf(release, app) : softwareOf(release, app, made);
}

function commandOf(release: Runnable, service: Service): Command {
  if (service.source.kind !== 'tree') return imageOf(release, service).command;
  return (
    service.command ??
    fail({ kind: 'input', what: `the service ${service.name} has no command`, next: 'give it one in holdpoint.yaml' })
  );
}

function imageOf(release: Runnable, service: Service) {
  return (
    release.images[service.name] ??
    fail({
      kind: 'host',
      what: `the release has no image for ${service.name}`,
      next: '`holdpoint retry A.2/release` builds it',
    })
  );
}

/**
 * For an app that wants a secret in an environment variable: a shell reads it from its file and becomes the service, so
 * that the value stands in no description, configuration file or argument.
 */
export function withValues(given: readonly Handover[], command: Command): Command {
  const values = given.filter((h) => h.as === 'value');
  if (values.length === 0) return command;
  const reads = values.map((h, i) => `${h.variable}="$(cat "\${${i + 1}}")"; export ${h.variable}`).join('; ');
  return [
    '/bin/sh',
    '-eu',
    '-c',
    `${reads}; shift ${values.length}; exec "$@"`,
    'hand-over',
    ...values.map((h) => h.file),
    ...command,
  ];
}
