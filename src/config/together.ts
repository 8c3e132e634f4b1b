import type { Path } from './document.ts';
import { didYouMean, type Finding, finding } from './explain.ts';
import { PORTS_PER_ENVIRONMENT } from './schema/environments.ts';
import { type FileInput, file } from './schema/file.ts';
import { SERVICES, type ServiceInput, service } from './schema/services.ts';
import { pathsOf, servesPeople } from './serves-people.ts';
import { findingsAmongServices } from './services-together.ts';

/** What could be read, key by key: one wrong key does not hide what is wrong between the others. */
export type Readable = { readonly [K in keyof FileInput]?: FileInput[K] } & {
  readonly serviceEntries: ReadonlyMap<string, ServiceInput>;
  /** Every service could be read, so that what is missing among them is missing indeed. */
  readonly servicesComplete: boolean;
  /** Keys that stand in the file, those below them as `alerts.cpu`. */
  readonly given: ReadonlySet<string>;
};

export function readableParts(data: Readonly<Record<string, unknown>>): Readable {
  const parts = Object.entries(file.shape).flatMap(([name, schema]) => {
    const read = schema.safeParse(data[name]);
    return read.success ? [[name, read.data] as const] : [];
  });
  const given = entriesOf(data.services);
  const entries = given.flatMap(([name, value]) => {
    const read = service.safeParse(value);
    return read.success ? [[name, read.data] as const] : [];
  });
  const read: { readonly [K in keyof FileInput]?: FileInput[K] } = Object.fromEntries(parts);
  return {
    ...read,
    serviceEntries: new Map(entries),
    servicesComplete: entries.length === given.length && given.length > 0,
    given: new Set([
      ...Object.keys(data),
      ...Object.keys(data).flatMap((name) => entriesOf(data[name]).map(([inner]) => `${name}.${inner}`)),
    ]),
  };
}

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];

/** What is wrong between keys, each of which is right by itself. */
export function findingsBetween(parts: Readable): Finding[] {
  return [
    ...portClashes(parts),
    ...nothingToLaunch(parts),
    ...noWebService(parts),
    ...unknownHosts(parts),
    ...imagesWithoutEngine(parts),
    ...goldenBeyondReach(parts),
    ...findingsAmongServices(parts.serviceEntries, parts.servicesComplete),
    ...besideObserve(parts),
    ...withoutDatabase(parts),
    ...variableClashes(parts),
    ...unkeyedWrite(parts),
  ];
}

type PortUse = { readonly path: Path; readonly first: number; readonly last: number };

const overlap = (a: PortUse, b: PortUse): boolean => a.first <= b.last && b.first <= a.last;

function portClashes({ production, staging, given }: Readable): Finding[] {
  const uses = [...portUses('production', production), ...portUses('staging', staging === false ? undefined : staging)];
  return uses.flatMap((use, i) => {
    const other = uses.slice(0, i).find((earlier) => overlap(earlier, use));
    if (other === undefined) return [];
    // Shown at the one that stands in the file: the other may be the usual value.
    const [shown, against] =
      given.has(use.path.join('.')) || !given.has(other.path.join('.')) ? [use, other] : [other, use];
    const expected = `ports apart from ${against.path.join('.')}, which has ${portText(against)}`;
    return [finding(shown.path, portText(shown), expected)];
  });
}

const portText = ({ first, last }: PortUse): string => (first === last ? `port ${first}` : `ports ${first} to ${last}`);

function portUses(environment: string, settings: FileInput['production'] | undefined): PortUse[] {
  if (settings === undefined) return [];
  const { httpsPort, firstPort } = settings;
  return [
    { path: [environment, 'httpsPort'], first: httpsPort, last: httpsPort },
    { path: [environment, 'firstPort'], first: firstPort, last: firstPort + PORTS_PER_ENVIRONMENT - 1 },
  ];
}

function nothingToLaunch({ given }: Readable): Finding[] {
  if (['services', 'compose', 'observe', 'runtime'].some((name) => given.has(name))) return [];
  return [finding(['services'], 'nothing', `${SERVICES}; or \`compose: compose.yaml\``)];
}

const ENVIRONMENTS = ['production', 'staging'] as const;

function unknownHosts(parts: Readable): Finding[] {
  const { hosts } = parts;
  if (hosts === undefined) return [];
  const own = hosts.local === undefined ? [] : [finding(['hosts', 'local'], 'the name `local`', OWN_HOST, 'key')];
  const names = ['local', ...Object.keys(hosts)];
  const unknown = ENVIRONMENTS.flatMap((environment) => {
    const settings = parts[environment];
    if (settings === undefined || settings === false || names.includes(settings.host)) return [];
    const expected = `\`local\` or a name of \`hosts\`${didYouMean(settings.host, names)}`;
    return [{ ...finding([environment, 'host'], `"${settings.host}"`, expected), quoted: true }];
  });
  return [...own, ...unknown];
}

const OWN_HOST = 'another name: `local` is the machine that Holdpoint runs on';

/** An image runs in an engine, and a fixed port needs a network of its own. */
function imagesWithoutEngine(parts: Readable): Finding[] {
  const environment = ENVIRONMENTS.find((name) => {
    const settings = parts[name];
    return settings !== undefined && settings !== false && settings.runtime === 'process';
  });
  if (environment === undefined) return [];
  return [...parts.serviceEntries].flatMap(([name, { source, port }]) => {
    const expected = `\`runtime: docker\` in \`${environment}\`, which has \`runtime: process\``;
    const path = ['services', name];
    if (source.kind === 'image') return [finding([...path, 'image'], 'an image', expected, 'key')];
    if (source.kind === 'dockerfile') return [finding([...path, 'dockerfile'], 'a Dockerfile', expected, 'key')];
    return port === undefined ? [] : [finding([...path, 'port'], 'a fixed port', expected, 'key')];
  });
}

/** A service's own series are read by a Prometheus of ours, off its `metrics`, and held against the load balancer's log. */
function goldenBeyondReach({ serviceEntries, given }: Readable): Finding[] {
  return [...serviceEntries].flatMap(([name, { golden, metrics, kind, paths }]) => {
    if (golden === undefined) return [];
    const wrong = (found: string, expected: string) => [finding(['services', name, 'golden'], found, expected, 'key')];
    if (given.has('observe')) return wrong('golden series beside `observe`', '`observe.metrics`, with PromQL');
    if (given.has('prometheus'))
      return wrong(
        "golden series beside somebody else's `prometheus`",
        "no `golden`: the synthetic client's view counts",
      );
    if (kind !== 'web')
      return wrong('golden series of an agent, which answers no requests', 'no `golden`, or `kind: web`');
    if (paths?.length === 0)
      return wrong('golden series of a service that no request of people reaches', 'no `golden`, or `paths`');
    if (metrics === undefined)
      return wrong('golden series of a service without `metrics`', '`metrics: /metrics` beside it');
    return [];
  });
}

/** What would have to be made, where nothing may be. */
function besideObserve(parts: Readable): Finding[] {
  const { given } = parts;
  if (parts.runtime === 'none' && !given.has('observe'))
    return [
      finding(['runtime'], 'a deployment that Holdpoint does not make', '`observe`, which says where it is', 'key'),
    ];
  if (!given.has('observe')) return [];
  const elsewhere = [
    ['database', 'a database beside `observe`', '`observe.database`, a reference to its URL'],
    ['cache', 'a cache beside `observe`', 'none: no step looks at one that somebody else runs'],
    ['prometheus', 'a Prometheus beside `observe`', '`observe.prometheus`'],
    ['loadBalancer', 'a load balancer beside `observe`', '`observe.url`'],
    ['staging', 'a staging environment beside `observe`', 'none: Holdpoint deploys nothing'],
  ] as const;
  return elsewhere
    .filter(([name]) => given.has(name) && parts[name] !== false)
    .map(([name, found, expected]) => finding([name], found, expected, 'key'));
}

function noWebService({ serviceEntries, servicesComplete, given }: Readable): Finding[] {
  if (
    !servicesComplete ||
    given.has('compose') ||
    given.has('observe') ||
    [...serviceEntries.values()].some((s) => servesPeople({ kind: s.kind, paths: pathsOf(s) }))
  )
    return [];
  return ['load', 'smoke', 'recorder']
    .filter((name) => given.has(name))
    .map((name) =>
      finding([name], 'requests, but no service that could answer them', 'a service of kind `web`', 'key'),
    );
}

function withoutDatabase({ alerts, given }: Readable): Finding[] {
  const asked = given.has('alerts.database-connections') && alerts?.['database-connections'] !== false;
  if (given.has('database') || !asked) return [];
  const path = ['alerts', 'database-connections'];
  return [finding(path, 'an alert on a database that the app does not have', '`database`, or no such alert', 'key')];
}

/** Two sources for one variable: which of them a service would see is nobody's guess. */
function variableClashes(parts: Readable): Finding[] {
  const handed = handedOver(parts);
  const doubled = handed.flatMap(({ variable, path }, i) => {
    const other = handed.slice(0, i).find((earlier) => earlier.variable === variable);
    return other === undefined
      ? []
      : [
          finding(
            path,
            `the variable ${variable}, which ${other.path.join('.')} sets as well`,
            'another variable',
            'key',
          ),
        ];
  });
  const overridden = [...parts.serviceEntries].flatMap(([name, entry]) =>
    ownVariables(name, entry).flatMap(({ variable, path }, i, own) => {
      const other = [...handed, ...own.slice(0, i)].find((earlier) => earlier.variable === variable);
      if (other === undefined) return [];
      const by = other.path.join('.');
      return [
        finding(path, `the variable ${variable}, which ${by} sets as well`, 'each variable from one place', 'key'),
      ];
    }),
  );
  return [...doubled, ...overridden];
}

export type Setting = { readonly variable: string; readonly path: Path };

/** Variables that the app is handed by Holdpoint, with the key that says so. */
export function handedOver({ database, cache, secrets }: Readable): Setting[] {
  return [
    ...(database === undefined ? [] : [{ variable: handoverVariable('DATABASE_URL', database), path: ['database'] }]),
    ...(cache === undefined ? [] : [{ variable: handoverVariable('REDIS_URL', cache), path: ['cache'] }]),
    ...Object.keys(cache?.databases ?? {}).map((variable) => ({ variable, path: ['cache', 'databases', variable] })),
    ...Object.entries(secrets ?? {}).map(([name, secret]) => ({
      variable: handoverVariable(variableOf(name), secret),
      path: ['secrets', name],
    })),
  ];
}

function ownVariables(name: string, entry: ServiceInput): Setting[] {
  return [
    { variable: entry.portVariable, path: ['services', name, 'portVariable'] },
    { variable: entry.hostVariable, path: ['services', name, 'hostVariable'] },
    ...Object.entries(entry.volumes).map(([volume, { variable }]) => ({
      variable,
      path: ['services', name, 'volumes', volume],
    })),
    ...Object.keys(entry.environment).map((variable) => ({
      variable,
      path: ['services', name, 'environment', variable],
    })),
    ...Object.keys(entry.addresses).map((variable) => ({
      variable,
      path: ['services', name, 'addresses', variable],
    })),
  ];
}

/** `data-key` is handed over in `DATA_KEY`. */
export const variableOf = (name: string): string => name.toUpperCase().replaceAll('-', '_');

/** The variable that is given, else the usual one, which says whether it carries a file. */
export const handoverVariable = (
  usual: string,
  h: { readonly as: 'file' | 'value'; readonly variable?: string | undefined },
) => h.variable ?? (h.as === 'file' ? `${usual}_FILE` : usual);

/** Writes that all have the same identity are one write. */
function unkeyedWrite({ recorder }: Readable): Finding[] {
  if (recorder === undefined) return [];
  const { path, body, headers } = recorder.write;
  if ([path, body, ...Object.values(headers)].some((text) => text.includes('{key}'))) return [];
  return [
    finding(['recorder', 'write'], 'a write without an identity', '`{key}` in `path`, `headers` or `body`', 'key'),
  ];
}
