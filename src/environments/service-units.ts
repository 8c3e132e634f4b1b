import type { Service } from '../config/app.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { Slot, Unit } from '../runtimes/unit.ts';
import type { Environment } from './environment.ts';

/** The store that holds the files by which a service is handed its secrets. */
export const handoverStore = (service: string): string => `handover-${service}`;

/** The store of one of a service's volumes. Both slots share it: it outlives every instance. */
export const volumeStore = (service: string, volume: string): string => `volume-${service}-${volume}`;

/** A value that a service is handed as a file, or by an environment variable that only the service itself sees. */
export type Handover = { readonly variable: string; readonly as: 'file' | 'value'; readonly file: string };

/** What the service is handed, without the values: enough to build the unit. */
export function handovers(environment: Environment, service: Service): Handover[] {
  const { database, cache, secrets } = environment.app;
  const given = (name: string, handover: { variable: string; as: 'file' | 'value' }): Handover => ({
    ...handover,
    file: environment.runtime.place.path(handoverStore(service.name), name),
  });
  return [
    ...(database ? [given('database-url', database.handover)] : []),
    ...(cache ? [given('cache-url', cache.handover)] : []),
    ...secrets.map((secret) => given(`secret-${secret.name}`, secret.handover)),
  ];
}

export const unitName = (service: Service, slot: Slot | undefined, instance: number): string =>
  [service.name, ...(slot ? [slot] : []), instance + 1].join('-');

/** One unit per instance of a service in a slot. Agents have no slot: the old instances end before the new ones start. */
export function serviceUnits(
  environment: Environment,
  folder: string,
  service: Service,
  slot: Slot | undefined,
): Unit[] {
  const { place } = environment.runtime;
  const given = handovers(environment, service);
  return Array.from({ length: service.instances }, (_, instance): Unit => {
    const port = environment.ports.service(service.name, slot, instance);
    return {
      name: unitName(service, slot, instance),
      of: service.name,
      role: service.kind,
      ...(slot ? { slot } : {}),
      command: withValues(given, service.command),
      directory: folder,
      environment: {
        ...service.environment,
        [service.portVariable]: String(port),
        ...Object.fromEntries(given.filter((h) => h.as === 'file').map((h) => [h.variable, h.file])),
        ...Object.fromEntries(service.volumes.map((v) => [v.variable, volumePath(place, service, v)])),
      },
      user: 'app',
      ports: [{ name: 'http', number: port }],
      stop: { signal: service.stop.signal, grace: service.stop.drain },
      restart: 'always',
      memory: service.memory,
    };
  });
}

function volumePath(place: Place, service: Service, volume: Service['volumes'][number]): string {
  return place.path(volumeStore(service.name, volume.name), volume.file);
}

/**
 * For an app that wants a secret in an environment variable: a shell reads it from its file and becomes the service, so
 * that the value stands in no description, configuration file or argument.
 */
export function withValues(given: readonly Handover[], command: Service['command']): Service['command'] {
  const values = given.filter((h) => h.as === 'value');
  if (values.length === 0) return command;
  const reads = values.map((h, i) => `${h.variable}="$(cat "$${i + 1}")"; export ${h.variable}`).join('; ');
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
