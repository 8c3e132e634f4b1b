import type { Path } from '../document.ts';
import { type Finding, finding as findingAt } from '../explain.ts';
import { looksLikeSecret } from '../literal-secret.ts';
import { type Role, rolesOf } from './classify.ts';
import {
  at,
  type ComposeFile,
  isMapping,
  lineOf,
  type Mapping,
  type NotTakenOver,
  type PlacedFault,
} from './compose-file.ts';
import { hostNames } from './host-names.ts';
import { dependenciesOf, orderFindings } from './order.ts';
import { reached } from './reached.ts';
import { portsOf, type Remark } from './service-words.ts';
import { cacheOf } from './taken-cache.ts';
import { databaseOf } from './taken-database.ts';
import { type Own, type TakenService, takenService } from './taken-service.ts';

export type TakenOver = {
  /** In the words of holdpoint.yaml. */
  readonly data: Mapping;
  readonly notTakenOver: readonly NotTakenOver[];
  /** What is wrong with the Compose file itself. */
  readonly findings: readonly Finding[];
};

/** What Holdpoint can run of a Compose file, and everything of it that it cannot, each with its line and reason. */
export function takeOver(compose: ComposeFile, own: Own): TakenOver {
  const services = new Map(Object.entries(at(compose.data, ['services']) ?? {}).filter(hasMapping));
  const findings = [...notMappings(compose), ...orderFindings(services)];
  const roles = rolesOf(compose, services, own);
  const is = (kind: Role['kind']) => new Set([...roles].flatMap(([name, role]) => (role.kind === kind ? [name] : [])));
  // What holdpoint.yaml has a service of its own for can be called; what it wants left out cannot.
  const isGone = (name: string) => !own.ownServices.has(name);
  const leftOut = [...is('left-out')];
  const callable = [...is('service'), ...leftOut.filter((name) => !isGone(name))];
  const around = {
    own,
    hosts: hostNames(services),
    databases: is('database'),
    caches: is('cache'),
    dropped: new Set([...is('dropped'), ...is('one-shot'), ...leftOut.filter(isGone)]),
    others: new Map(callable.map((other) => [other, portsOf(services.get(other) ?? {}).container])),
  };
  const proxied = behindProxies(services, roles);
  const taken = reached(
    [...is('service')].map((name) =>
      takenService(compose, name, services.get(name) ?? {}, { ...around, isBehindProxy: proxied.has(name) }),
    ),
  );
  const database = databaseOf(compose, services, roles, taken);
  const cache = cacheOf(services, roles, taken);
  const unused: Path[] = [
    ...[...roles].flatMap(([name, { kind }]) => (kind === 'service' ? [] : [['services', name]])),
    ...taken.flatMap((t) => t.environment.unused),
  ];
  const faults = compose.faults.filter(
    ({ path }) => !unused.some((above) => above.every((part, i) => path[i] === part)),
  );
  const remarks = [
    ...topLevel(compose),
    ...[...roles].flatMap(([name, role]) => roleRemarks(name, role, own)),
    ...taken.flatMap((t) => t.remarks),
    ...database.remarks,
    ...cache.remarks,
    ...faults.flatMap(unsetRemark),
    ...differentSecrets(taken),
  ];
  const said = at(compose.data, ['x-holdpoint']);
  const words: Mapping = {
    services: Object.fromEntries(taken.map((t) => [t.name, t.words])),
    secrets: Object.assign({}, ...taken.map((t) => t.secrets)),
    ...(database.words === undefined ? {} : { database: database.words }),
    ...(cache.words === undefined ? {} : { cache: cache.words }),
  };
  return {
    data: isMapping(said) ? merged(words, said) : words,
    notTakenOver: remarks
      .map(({ path, what, because }) => ({ line: lineOf(compose, path), what, because }))
      .sort((a, b) => a.line - b.line),
    findings: [...findings, ...faults.flatMap(faultFinding)],
  };
}

const hasMapping = (entry: [string, unknown]): entry is [string, Mapping] => isMapping(entry[1]);

/** The second wins; of mappings by name, and of database and cache, entry by entry. */
export function merged(under: Mapping, over: Mapping): Mapping {
  const both = Object.entries(over).map(([key, value]) => {
    const below = under[key];
    return [key, mergesByEntry(key) && isMapping(below) && isMapping(value) ? { ...below, ...value } : value];
  });
  return { ...under, ...Object.fromEntries(both) };
}

export const mergesByEntry = (key: string): boolean => MERGED.has(key);

const MERGED = new Set([
  'services',
  'secrets',
  'database',
  'cache',
  'hosts',
  'ownChecks',
  'objectives',
  'alerts',
  'production',
]);

/** What a dropped proxy stands before is what people reach. */
function behindProxies(services: ReadonlyMap<string, Mapping>, roles: ReadonlyMap<string, Role>): ReadonlySet<string> {
  return new Set(
    [...roles].flatMap(([name, role]) =>
      role.kind === 'dropped' && role.isProxy ? dependenciesOf(services.get(name) ?? {}).map(({ on }) => on) : [],
    ),
  );
}

function roleRemarks(name: string, role: Role, own: Own): Remark[] {
  const path = ['services', name];
  if (role.kind === 'dropped') return [{ path, what: `services.${name}`, because: role.because }];
  if (role.kind !== 'left-out' || !own.ownServices.has(name)) return [];
  return [{ path, what: `services.${name}`, because: 'holdpoint.yaml has a service of that name, which wins' }];
}

/** A secret is the app's: where two services have another one under the same name, the last is taken. */
function differentSecrets(taken: readonly TakenService[]): Remark[] {
  const said = new Map<string, { readonly service: string; readonly words: string }>();
  return taken.flatMap(({ name: service, secrets }) =>
    Object.entries(secrets).flatMap(([secret, about]) => {
      const [before, words] = [said.get(secret), JSON.stringify(about)];
      said.set(secret, { service, words });
      if (before === undefined || before.words === words) return [];
      return [
        {
          path: ['services', before.service],
          what: `services.${before.service}: the secret ${secret}`,
          because: `services share their secrets here, and ${service} has another one of that name, which is taken: give one of them another variable`,
        },
      ];
    }),
  );
}

const TOP_LEVEL: Readonly<Record<string, string>> = {
  networks: 'Holdpoint makes the networks itself',
  configs: 'files come with the image or the built tree',
  include: 'give the services of that file here',
};

function topLevel(compose: ComposeFile): Remark[] {
  const read = new Set(['services', 'secrets', 'volumes', 'version', 'name']);
  const keys = Object.entries(compose.data)
    .filter(([key, value]) => !read.has(key) && !key.startsWith('x-') && value !== null)
    .map(([key]) => ({ path: [key], what: key, because: TOP_LEVEL[key] ?? 'Holdpoint has no word for it' }));
  const volumes = Object.entries(at(compose.data, ['volumes']) ?? {})
    .filter(([, about]) => isMapping(about) && Object.keys(about).some((key) => key !== 'name' && key !== 'labels'))
    .map(([volume]) => ({
      path: ['volumes', volume],
      what: `volumes.${volume}`,
      because: 'a volume is a plain one of the runtime, with no driver and nothing from outside',
    }));
  return [...keys, ...volumes];
}

function notMappings(compose: ComposeFile): Finding[] {
  return Object.entries(at(compose.data, ['services']) ?? {})
    .filter(([, service]) => !isMapping(service))
    .map(([name]) => ({
      path: ['services', name],
      about: 'value',
      found: 'no mapping',
      expected: 'a mapping with `image` or `build`',
      quoted: false,
    }));
}

function unsetRemark({ path, fault }: PlacedFault): Remark[] {
  if (fault.kind !== 'unset') return [];
  const what = `${path.filter((part) => typeof part === 'string').join('.')}: the variable ${fault.variable}`;
  return [{ path, what, because: 'it is not set in .env, so it is empty here; the shell is not read' }];
}

function faultFinding({ path, fault }: PlacedFault): Finding[] {
  const finding = (found: string, expected: string): Finding[] => [findingAt(path, found, expected)];
  switch (fault.kind) {
    case 'unset':
      return [];
    case 'required': {
      const message = fault.message === '' || looksLikeSecret(fault.message) ? '' : `: ${fault.message}`;
      return finding(`no value of ${fault.variable}`, `it in the .env file beside the Compose file${message}`);
    }
    case 'malformed':
      return finding('a variable that Compose does not know', FORMS);
  }
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Compose's own notation
const FORMS = '`${NAME}`, `${NAME:-default}`, `${NAME:?message}`, or `$$` for a dollar';
