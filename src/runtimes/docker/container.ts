import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import type { Command } from '../../config/app.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import { checkedName } from '../checked-name.ts';
import type { Job, Mount, Network, Software, Unit, UnitUser } from '../unit.ts';
import type { ImageDetails } from './image-facts.ts';
import { LABELS, type Names } from './names.ts';
import { STORES, TREE } from './place.ts';
import { IMAGE_PATH } from './recipes.ts';
import { IMAGE_USERS } from './users.ts';

/** What a container is made of beside the unit or job itself. */
export type Made = {
  readonly names: Names;
  /** Name or id of the image on the engine. */
  readonly image: string;
  /** Of an image that somebody else made; undefined for ours. */
  readonly details: ImageDetails | undefined;
};

type Runs = {
  readonly name: string;
  readonly software: Software;
  readonly command: Command;
  readonly mounts: readonly Mount[];
  readonly networks: readonly Network[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: UnitUser;
};

/** Enough for a build tool or a database with many connections; stops a fork bomb. */
const PIDS_LIMIT = 2_048;
/** What the log of a container may take on the disk of the engine: three files of this size. */
const LOG = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } } as const;
/** For parallel queries of Postgres, whose workers share memory there; it counts as the unit's memory. */
const POSTGRES_SHARED_MEMORY = 256 * 1_048_576;

const uidOf = (user: UnitUser): number => IMAGE_USERS[user].uid;

/** What holds for every container: no rights, nothing to write on but its stores and memory, limits. */
/**
 * The load balancer knows nobody but its neighbours. The name of one that is just being started again is not known, and
 * would be asked of the world outside: where that does not answer, requests hang for seconds after the neighbour is back.
 */
const NEIGHBOURS_ONLY: Docker.HostConfig = { Dns: ['127.0.0.1'], DnsOptions: ['timeout:1', 'attempts:1'] };

function hardened(runs: Runs, { names, details }: Made): Docker.HostConfig {
  const uid = uidOf(runs.user);
  const own = details === undefined ? `mode=0755,uid=${uid},gid=${uid}` : 'mode=1777';
  const volumes = (details?.volumes ?? []).filter((path) => path !== '/tmp' && path !== '/run');
  const [first] = runs.networks;
  return {
    ReadonlyRootfs: true,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    PidsLimit: PIDS_LIMIT,
    LogConfig: LOG,
    Init: details?.hasInit !== true,
    Tmpfs: {
      '/tmp': 'mode=1777',
      '/run': own,
      ...Object.fromEntries(volumes.map((path) => [path, 'mode=1777'])),
    },
    Mounts: runs.mounts.map(({ store, access }) => ({
      Type: 'volume',
      Source: names.store(checkedName(store)),
      Target: `${STORES}/${store}`,
      ReadOnly: access === 'read',
      // A file that the image has at that path must not land in the store.
      VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } },
    })),
    NetworkMode: first === undefined ? 'none' : names.network(first),
    ...(runs.user === 'proxy' && first !== undefined ? NEIGHBOURS_ONLY : {}),
    ...(runs.user === 'postgres' ? { ShmSize: POSTGRES_SHARED_MEMORY } : {}),
  };
}

function common(runs: Runs, made: Made, alias: string | undefined): Docker.ContainerCreateOptions {
  const { details, names, image } = made;
  const [first] = runs.networks;
  const [program, ...rest] = runs.command;
  const environment = {
    ...(details === undefined ? { PATH: IMAGE_PATH, LANG: 'C.UTF-8' } : {}),
    // The home folders that the users have are not there, or cannot be written.
    HOME: '/tmp',
    ...runs.environment,
  };
  return {
    Image: image,
    // Also where an image names a user of its own: secrets and volumes are the role's, and only it may read them.
    User: `${uidOf(runs.user)}:${uidOf(runs.user)}`,
    // An entry point of the image's own would take the command for its arguments.
    Entrypoint: [program],
    Cmd: rest,
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...(details === undefined ? { WorkingDir: runs.software.kind === 'tree' ? TREE : '/' } : {}),
    ...(first === undefined
      ? {}
      : { NetworkingConfig: { EndpointsConfig: { [names.network(first)]: endpoint(alias) } } }),
    AttachStdout: false,
    AttachStderr: false,
  };
}

/** The unit's end in a network: others reach it there by its name. */
export const endpoint = (alias: string | undefined) => ({ Aliases: alias === undefined ? [] : [alias] });

/** Counts for a container that has no more than its first port: the engine asks again and again, at little cost. */
const CHECK = { every: 15, within: 5, grace: 60 };
const nanoseconds = (s: number): number => s * 1_000_000_000;

/** A container as data: the same unit, image and Holdpoint give the same. */
export function unitContainer(unit: Unit, made: Made): Docker.ContainerCreateOptions {
  const [first] = unit.ports;
  const base = common(unit, made, unit.name);
  const options: Docker.ContainerCreateOptions = {
    ...base,
    Hostname: unit.name,
    StopSignal: unit.stop.signal,
    StopTimeout: stopSeconds(unit.stop.grace),
    ExposedPorts: Object.fromEntries(unit.ports.map(({ number }) => [`${number}/tcp`, {}])),
    ...(made.details === undefined && first !== undefined
      ? {
          Healthcheck: {
            Test: ['CMD', '/bin/bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${first.number}`],
            Interval: nanoseconds(CHECK.every),
            Timeout: nanoseconds(CHECK.within),
            StartPeriod: nanoseconds(CHECK.grace),
            Retries: 3,
          },
        }
      : {}),
    HostConfig: {
      ...hardened(unit, made),
      RestartPolicy: restartPolicy(unit, 'running'),
      PortBindings: Object.fromEntries(
        unit.ports
          .filter(({ published }) => published === true)
          .map(({ number }) => [`${number}/tcp`, [{ HostIp: '127.0.0.1', HostPort: String(number) }]]),
      ),
      ...(unit.memory === undefined ? {} : { Memory: unit.memory, MemorySwap: unit.memory }),
      ...(unit.sees === 'usage' ? { Binds: ['/sys/fs/cgroup:/sys/fs/cgroup:ro'] } : {}),
    },
  };
  return labelled(options, made.names, 'unit', unit.name, unit.software, unit, {
    [LABELS.of]: unit.of,
    [LABELS.role]: unit.role,
    ...(unit.slot === undefined ? {} : { [LABELS.slot]: unit.slot }),
  });
}

/**
 * A unit that is wanted comes back after a restart of the engine; one that was stopped stays so. Not `unless-stopped`: an
 * engine that was killed ends what it finds when it starts again, takes that for stopped by hand, and would leave it so.
 */
export const restartPolicy = (unit: Unit, wanted: 'running' | 'stopped'): Docker.HostRestartPolicy => ({
  Name: unit.restart === 'always' && wanted === 'running' ? 'always' : 'no',
});

/**
 * In our images the time limit holds without Holdpoint, and both output streams become one, in the order in which they
 * were written.
 */
const JOB_SCRIPT = 'umask 027; exec timeout --kill-after=10 "$@" 2>&1';

export function jobContainer(job: Job, made: Made): Docker.ContainerCreateOptions {
  const limit = String(Math.max(1, Math.ceil(job.timeLimit / 1_000)));
  const command: Command =
    made.details === undefined ? ['/bin/sh', '-c', JOB_SCRIPT, 'job', limit, ...job.command] : job.command;
  const base = common({ ...job, command }, made, undefined);
  const options = { ...base, HostConfig: { ...hardened(job, made), RestartPolicy: { Name: 'no' } } };
  return labelled(options, made.names, 'job', job.name, job.software, job, {});
}

function labelled(
  options: Docker.ContainerCreateOptions,
  names: Names,
  kind: 'unit' | 'job',
  name: string,
  software: Software,
  source: Unit | Job,
  more: Readonly<Record<string, string>>,
): Docker.ContainerCreateOptions {
  const description = createHash('sha256').update(JSON.stringify(options)).digest('hex');
  return {
    ...options,
    Labels: {
      [LABELS.environment]: names.id,
      [LABELS.kind]: kind,
      [LABELS.unit]: name,
      [LABELS.software]: softwareWord(software),
      [LABELS.description]: description,
      [LABELS.json]: JSON.stringify(source),
      ...more,
    },
  };
}

const softwareWord = (software: Software): string => {
  switch (software.kind) {
    case 'parts':
      return 'parts';
    case 'tree':
      return software.digest;
    case 'image':
      return software.id;
  }
};

/** The engine counts in whole seconds. */
export const stopSeconds = (grace: Milliseconds): number => Math.max(1, Math.ceil(grace / 1_000));
