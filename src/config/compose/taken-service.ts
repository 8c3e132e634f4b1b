import { posix } from 'node:path';
import { serviceAddress } from '../service-address.ts';
import type { Wishes } from './classify.ts';
import { at, type ComposeFile, isMapping, itemsOf, type Mapping, textOf } from './compose-file.ts';
import { type TakenEnvironment, takenEnvironment } from './environment.ts';
import { linkNames } from './host-names.ts';
import { dependenciesOf } from './order.ts';
import { secretName } from './secret-name.ts';
import {
  commandOf,
  healthPath,
  instancesOf,
  memoryOf,
  mountsOf,
  portsOf,
  type Remark,
  sourceOf,
  stopOf,
} from './service-words.ts';
import { unknownWords } from './unknown-words.ts';
import type { Surroundings } from './variable-meaning.ts';

/** What holdpoint.yaml says that matters to the reading of a Compose file. */
export type Own = Wishes & {
  /** Variables that holdpoint.yaml hands over itself. */
  readonly handedOver: ReadonlySet<string>;
  /** Names of its secrets. */
  readonly secrets: ReadonlySet<string>;
};

export type Around = {
  readonly own: Own;
  /** The service that each host name of the file means. */
  readonly hosts: ReadonlyMap<string, string>;
  readonly databases: ReadonlySet<string>;
  readonly caches: ReadonlySet<string>;
  readonly dropped: ReadonlySet<string>;
  /** All that are taken over, with the port that each listens on in its container. */
  readonly others: ReadonlyMap<string, number | undefined>;
  readonly isBehindProxy: boolean;
};

export type TakenService = {
  readonly name: string;
  readonly words: Mapping;
  /** `x-holdpoint` of the service. */
  readonly said: Mapping;
  readonly secrets: Mapping;
  readonly environment: TakenEnvironment;
  readonly remarks: readonly Remark[];
};

export function takenService(compose: ComposeFile, name: string, service: Mapping, around: Around): TakenService {
  const said = isMapping(service['x-holdpoint']) ? service['x-holdpoint'] : {};
  const ports = portsOf(service);
  const mounts = mountsOf(name, service);
  const secretFiles = secretFilesOf(service);
  const links = linkNames(service);
  const surroundings: Surroundings = {
    serviceCalled: (host) => links.get(host) ?? around.hosts.get(host) ?? host,
    handedOver: around.own.handedOver,
    databases: around.databases,
    caches: around.caches,
    dropped: around.dropped,
    others: new Map([...around.others].filter(([other]) => other !== name)),
    port: ports.container,
    volumes: mounts.named,
    secretFiles,
  };
  const environment = takenEnvironment(compose, name, surroundings);
  const told = toldByHoldpoint(name, environment, said);
  const health = healthPath(service);
  const words: Mapping = {
    kind: ports.published || around.isBehindProxy ? 'web' : 'agent',
    ...sourceOf(compose, service),
    ...given('command', commandOf(service.command)),
    ...given('entrypoint', commandOf(service.entrypoint)),
    ...given('instances', instancesOf(service)),
    ...given('port', environment.portVariable === undefined ? ports.container : undefined),
    ...given('portVariable', environment.portVariable),
    ...given('hostVariable', environment.hostVariable),
    environment: told.environment,
    ...(environment.calls.length === 0
      ? {}
      : { addresses: Object.fromEntries(environment.calls.map(({ variable, to }) => [variable, to])) }),
    ...given('health', health),
    ...given('stop', stopOf(service)),
    ...given('memory', memoryOf(service)),
    ...(Object.keys(environment.volumes).length === 0 ? {} : { volumes: environment.volumes }),
  };
  const secrets = secretsOf(compose, name, service, environment, around.own);
  return {
    name,
    words: withSaid(words, said),
    said,
    secrets: secrets.words,
    environment,
    remarks: [
      ...unknownWords(name, service),
      ...mounts.remarks,
      ...environment.remarks,
      ...told.remarks,
      ...secrets.remarks,
      ...volumeRemarks(name, mounts.named, environment, said),
      ...healthRemarks(name, service, health, said),
      ...orderRemarks(name, service, environment, around),
    ],
  };
}

export const given = (key: string, value: unknown): Mapping => (value === undefined ? {} : { [key]: value });

/** `x-holdpoint` wins key by key; another way to say where it listens takes the first one's place. */
function withSaid(words: Mapping, said: Mapping): Mapping {
  const { port: _port, ...withoutPort } = words;
  const base = said.portVariable === undefined ? words : withoutPort;
  const environment = {
    ...(isMapping(words.environment) ? words.environment : {}),
    ...(isMapping(said.environment) ? said.environment : {}),
  };
  const addresses = {
    ...(isMapping(words.addresses) ? words.addresses : {}),
    ...(isMapping(said.addresses) ? said.addresses : {}),
  };
  // Whoever says a variable in one way takes it away from the other.
  const without = (from: Mapping, others: unknown): Mapping =>
    Object.fromEntries(Object.entries(from).filter(([name]) => !isMapping(others) || others[name] === undefined));
  const called = without(addresses, said.environment);
  return {
    ...base,
    ...said,
    environment: without(environment, said.addresses),
    ...(Object.keys(called).length === 0 ? {} : { addresses: called }),
  };
}

/** Port and address are told by Holdpoint: a value of the file would be another one. */
function toldByHoldpoint(name: string, { environment, portVariable, hostVariable }: TakenEnvironment, said: Mapping) {
  const told = [
    textOf(said.portVariable) ?? portVariable ?? 'PORT',
    textOf(said.hostVariable) ?? hostVariable ?? 'HOST',
  ];
  const doubled = told.filter((variable) => environment[variable] !== undefined);
  return {
    environment: Object.fromEntries(Object.entries(environment).filter(([variable]) => !doubled.includes(variable))),
    remarks: doubled.map(
      (variable): Remark => ({
        path: ['services', name, 'environment', variable],
        what: `services.${name}: the variable ${variable}`,
        because: 'Holdpoint tells each instance its own port and address by it',
      }),
    ),
  };
}

/** Secrets of a service by the path under which Compose shows them: `/run/secrets/NAME`. */
function secretFilesOf(service: Mapping): ReadonlyMap<string, string> {
  return new Map(
    itemsOf(service.secrets).flatMap((item) => {
      const source = isMapping(item) ? textOf(item.source) : textOf(item);
      const target = isMapping(item) ? (textOf(item.target) ?? source) : source;
      if (source === undefined || target === undefined) return [];
      return [[target.startsWith('/') ? target : `/run/secrets/${target}`, source] as const];
    }),
  );
}

function secretsOf(compose: ComposeFile, name: string, service: Mapping, environment: TakenEnvironment, own: Own) {
  const words: Record<string, unknown> = {};
  const remarks: Remark[] = [];
  for (const [called, secret] of environment.secrets) {
    if (secret.kind === 'reference') {
      words[called] = { from: secret.reference, variable: secret.variable, as: 'value' };
      continue;
    }
    const about = at(compose.data, ['secrets', called]);
    const file = isMapping(about) ? textOf(about.file) : undefined;
    const from = isMapping(about) ? textOf(about.environment) : undefined;
    const reference = file === undefined ? from && `env:${from}` : `file:${posix.join(compose.folder, file)}`;
    if (reference) words[secretName(called)] = { from: reference, variable: secret.variable, as: 'file' };
    else if (!own.secrets.has(secretName(called)))
      remarks.push({
        path: ['secrets', called],
        what: `secrets.${called}`,
        because: 'only `file` and `environment` say where it is: name it under `secrets`, as a reference',
      });
  }
  const handed = new Set(environment.secrets.keys());
  for (const [path, called] of secretFilesOf(service)) {
    if (handed.has(called) || own.secrets.has(secretName(called))) continue;
    remarks.push({
      path: ['services', name, 'secrets'],
      what: `services.${name}: the secret ${called}`,
      because: `no variable tells its file: here a secret is handed over by a variable, not at ${path}; name it under \`secrets\``,
    });
  }
  return { words, remarks };
}

function volumeRemarks(
  name: string,
  named: ReadonlyMap<string, string>,
  environment: TakenEnvironment,
  said: Mapping,
): Remark[] {
  const known = new Set([
    ...Object.keys(environment.volumes),
    ...(isMapping(said.volumes) ? Object.keys(said.volumes) : []),
  ]);
  return [...named]
    .filter(([volume]) => !known.has(volume))
    .map(([volume, path]) => ({
      path: ['services', name, 'volumes'],
      what: `services.${name}: the volume ${volume} at ${path}`,
      because: `no variable tells its folder, and what is written there is lost with the instance: give \`x-holdpoint: { volumes: { ${volume}: VARIABLE } }\``,
    }));
}

function healthRemarks(name: string, service: Mapping, path: string | undefined, said: Mapping): Remark[] {
  const { healthcheck } = service;
  const isAsked = isMapping(healthcheck) && healthcheck.test !== undefined && healthcheck.disable !== true;
  if (!isAsked || path !== undefined || said.health !== undefined) return [];
  return [
    {
      path: ['services', name, 'healthcheck'],
      what: `services.${name}.healthcheck`,
      because: 'it is no request to the service itself: give `x-holdpoint: { health: /PATH }`',
    },
  ];
}

/** One that it calls is started before it anyway. */
function orderRemarks(name: string, service: Mapping, { calls }: TakenEnvironment, { others }: Around): Remark[] {
  const called = new Set(calls.map(({ to }) => serviceAddress(to).service));
  return dependenciesOf(service)
    .filter(({ on }) => others.has(on) && !called.has(on))
    .map(({ on }) => ({
      path: ['services', name, 'depends_on', on],
      what: `services.${name} waits for ${on}`,
      because: 'services are started in no order of theirs: each must bear that another is not there yet',
    }));
}
