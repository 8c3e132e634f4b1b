import type { Path } from '../document.ts';
import { isMapping, type Mapping, textOf } from './compose-file.ts';
import type { Remark } from './service-words.ts';

/** Keys of a service that are read, or that mean nothing once Holdpoint runs it. */
const READ = new Set([
  'build',
  'command',
  'depends_on',
  'deploy',
  'entrypoint',
  'env_file',
  'environment',
  'expose',
  'healthcheck',
  'image',
  'mem_limit',
  'ports',
  'profiles',
  'scale',
  'secrets',
  'stop_grace_period',
  'stop_signal',
  'volumes',
]);

const HARDENED =
  'units run as a user of their own, read-only, without capabilities and new privileges, whatever is said';
const NETWORKS =
  'Holdpoint makes the networks: services reach the database and one another, and only the load balancer is public';
const NAMED = 'Holdpoint names its units itself';

const REASONS: Readonly<Record<string, string>> = {
  cap_add: HARDENED,
  cap_drop: HARDENED,
  configs: 'files come with the image or the built tree',
  container_name: NAMED,
  devices: HARDENED,
  extends: 'put its keys into the service, or share them by a YAML anchor',
  extra_hosts: NETWORKS,
  hostname: NAMED,
  labels: 'Holdpoint labels its units itself',
  links: NETWORKS,
  logging: 'Holdpoint keeps the logs of its units',
  network_mode: NETWORKS,
  networks: NETWORKS,
  privileged: HARDENED,
  pull_policy: 'an image is taken once for a release, by its digest',
  read_only: HARDENED,
  restart: 'Holdpoint starts every service again that ends',
  security_opt: HARDENED,
  tmpfs: 'each unit has a temporary folder at /tmp',
  user: HARDENED,
};

/** How Compose is told what Holdpoint does anyway. */
const AS_HERE: Readonly<Record<string, readonly string[]>> = {
  restart: ['always', 'unless-stopped', 'on-failure'],
  privileged: ['false'],
  init: ['true', 'false'],
  platform: ['linux/amd64'],
};

const OTHERWISE = 'Holdpoint has no word for it';

/** Keys of a service that are not read, each with its reason. */
export function unknownWords(name: string, service: Mapping): Remark[] {
  const path: Path = ['services', name];
  const remark = (inner: readonly string[], because: string): Remark => ({
    path: [...path, ...inner],
    what: `services.${name}.${inner.join('.')}`,
    because,
  });
  const own = Object.entries(service).flatMap(([key, value]) => {
    if (READ.has(key) || key.startsWith('x-') || AS_HERE[key]?.includes(textOf(value) ?? '')) return [];
    return [remark([key], REASONS[key] ?? OTHERWISE)];
  });
  return [...own, ...insideBuild(service, remark), ...insideDeploy(service, remark), ...insideHealth(service, remark)];
}

type Make = (inner: readonly string[], because: string) => Remark;

function insideBuild({ build }: Mapping, remark: Make): Remark[] {
  if (!isMapping(build)) return [];
  const read = new Set(['context', 'dockerfile', 'target', 'args']);
  return Object.keys(build)
    .filter((key) => !read.has(key))
    .map((key) => remark(['build', key], key === 'dockerfile_inline' ? 'put it into a file' : OTHERWISE));
}

function insideDeploy({ deploy }: Mapping, remark: Make): Remark[] {
  if (!isMapping(deploy)) return [];
  const { replicas: _replicas, resources, ...others } = deploy;
  const restart = 'Holdpoint starts, replaces and takes back services by its own plan';
  const limits = isMapping(resources) && isMapping(resources.limits) ? Object.keys(resources.limits) : [];
  return [
    ...Object.keys(others).map((key) => remark(['deploy', key], restart)),
    ...limits
      .filter((key) => key !== 'memory')
      .map((key) => remark(['deploy', 'resources', 'limits', key], 'only memory is limited')),
    ...(isMapping(resources) && resources.reservations !== undefined
      ? [remark(['deploy', 'resources', 'reservations'], 'nothing is reserved')]
      : []),
  ];
}

function insideHealth({ healthcheck }: Mapping, remark: Make): Remark[] {
  if (!isMapping(healthcheck)) return [];
  const rhythm = Object.keys(healthcheck).filter((key) => key !== 'test' && key !== 'disable' && !key.startsWith('x-'));
  return rhythm.length === 0
    ? []
    : [remark(['healthcheck'], `Holdpoint asks in a rhythm of its own, without ${rhythm.join(', ')}`)];
}
