import { posix } from 'node:path';
import type { Path } from '../document.ts';
import { looksLikeSecret, namesSecret } from '../literal-secret.ts';
import { soleVariable } from './interpolation.ts';

/** One variable of a service, with the place that set it. */
export type Entry = {
  readonly name: string;
  readonly value: string;
  readonly raw: string;
  readonly path: Path;
  /** The `env_file` in which it stands as it is, relative to holdpoint.yaml; not where it is put together from other variables. */
  readonly file: string | undefined;
};

/** What the variables of a service are compared with. */
export type Surroundings = {
  /** Variables that holdpoint.yaml hands over itself; theirs win. */
  readonly handedOver: ReadonlySet<string>;
  /** The service that a host name means: its own name, or another one that the file gives it. */
  readonly serviceCalled: (host: string) => string;
  /** Services of the file by what became of them. */
  readonly databases: ReadonlySet<string>;
  readonly caches: ReadonlySet<string>;
  readonly dropped: ReadonlySet<string>;
  /** Other services that are taken over, with the port that each listens on in its container. */
  readonly others: ReadonlyMap<string, number | undefined>;
  /** The port that the service listens on in its container. */
  readonly port: number | undefined;
  /** Paths of named volumes, by name. */
  readonly volumes: ReadonlyMap<string, string>;
  /** Secrets of the service by the path under which Compose shows them. */
  readonly secretFiles: ReadonlyMap<string, string>;
};

/** What a variable of the file is here. */
export type Meaning =
  | { readonly kind: 'plain' | 'handed-over' | 'port' | 'host' }
  | { readonly kind: 'database'; readonly name: string | undefined }
  | { readonly kind: 'cache'; readonly number: number }
  | { readonly kind: 'volume'; readonly volume: string; readonly file: string }
  | { readonly kind: 'address'; readonly to: string; readonly port: number }
  | { readonly kind: 'secret-file'; readonly secret: string }
  | { readonly kind: 'secret'; readonly from: string }
  | { readonly kind: 'secret-line'; readonly file: string }
  | { readonly kind: 'left-out'; readonly because: string };

export function meaningOf({ name: variable, value, raw, file }: Entry, around: Surroundings): Meaning {
  if (around.handedOver.has(variable)) return { kind: 'handed-over' };
  const secret = around.secretFiles.get(value);
  if (secret !== undefined) return { kind: 'secret-file', secret };
  const [, host = '', database] =
    /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:[^@/]*@)?([^:/?]+)[^/]*(?:\/([^?]*))?/.exec(value) ?? [];
  if (around.databases.has(around.serviceCalled(host)))
    return { kind: 'database', name: database === '' ? undefined : database };
  const [, cache = '', number] = /^(?:redis|valkey):\/\/(?:[^@/]*@)?([^:/?]+)[^/]*(?:\/(\d+)?)?/.exec(value) ?? [];
  if (around.caches.has(around.serviceCalled(cache))) return { kind: 'cache', number: Number(number ?? 0) };
  if (around.port !== undefined && /PORT$/.test(variable) && value === String(around.port)) return { kind: 'port' };
  if (/(^|_)(HOST|HOSTNAME|BIND|ADDRESS)$/.test(variable) && /^(0\.0\.0\.0|::|\[::\])$/.test(value))
    return { kind: 'host' };
  const volume = volumeOf(value, around.volumes);
  if (volume !== undefined) return volume;
  const from = soleVariable(raw);
  if (from !== undefined && (namesSecret(variable) || namesSecret(from) || looksLikeSecret(value)))
    return { kind: 'secret', from };
  const named = [...hostsIn(variable, value)].map(around.serviceCalled);
  const has = (names: { has(name: string): boolean }) => named.find((one) => names.has(one));
  if (has(around.databases) !== undefined || isDatabasePart(variable, around))
    return { kind: 'left-out', because: DATABASE_PART };
  if (has(around.caches) !== undefined || isCachePart(variable, around))
    return { kind: 'left-out', because: CACHE_PART };
  const dropped = has(around.dropped);
  if (dropped !== undefined) return { kind: 'left-out', because: `it names ${dropped}, which is not taken over` };
  const other = has(around.others);
  if (other !== undefined && (looksLikeSecret(value) || variablesIn(raw).some(namesSecret))) return SECRET_PART;
  if (other !== undefined) return addressOf(variable, value, other, around);
  const isSecret = value !== '' && (namesSecret(variable) || looksLikeSecret(value));
  if (isSecret && file !== undefined) return { kind: 'secret-line', file };
  if (isSecret) return SECRET_PART;
  return { kind: 'plain' };
}

const SECRET_PART: Meaning = {
  kind: 'left-out',
  because: 'it holds what looks like a secret: name it under `secrets`, as a reference',
};

const variablesIn = (raw: string): string[] => [...raw.matchAll(/\$\{?(\w+)/g)].flatMap(([, name]) => name ?? []);

/** A variable that holds the URL of one other service is told that service's address here. */
function addressOf(variable: string, value: string, other: string, { others, serviceCalled }: Surroundings): Meaning {
  const [, host = '', port = '80', path = ''] = /^http:\/\/([\w.-]+)(?::(\d+))?(\/[^\s?#]*)?$/.exec(value) ?? [];
  if (serviceCalled(host) !== other)
    return {
      kind: 'left-out',
      because: `it names the service ${other}, which is told by one variable with its whole http URL here: give \`x-holdpoint: { addresses: { ${variable}: ${other} } }\` if it can be read so`,
    };
  const listens = others.get(other);
  if (listens !== undefined && listens !== Number(port))
    return {
      kind: 'left-out',
      because: `it names port ${port} of ${other}, and a service has one port here: ${listens}`,
    };
  return { kind: 'address', to: `${other}${path}`, port: Number(port) };
}

const DATABASE_PART =
  'the database is handed over as one URL, with a role and a password of its own: read that URL, or give the part that the app needs under `secrets`';

/** `DB_PASSWORD` and the like mean nothing once the database has a role of Holdpoint's. */
const isDatabasePart = (variable: string, { databases }: Surroundings): boolean =>
  databases.size > 0 &&
  /^(?:POSTGRES|PG|DB|DATABASE)_?(?:HOST|PORT|USER|USERNAME|PASSWORD|DB|NAME|DATABASE)$/.test(variable);

const CACHE_PART =
  'the cache is handed over as one URL, with a password of its own: read that URL, or run one elsewhere and give the parts of its address here';

const isCachePart = (variable: string, { caches }: Surroundings): boolean =>
  caches.size > 0 && /^(?:\w+_)?(?:REDIS|CACHE|VALKEY)_(?:HOST|PORT|PASSWORD|DB)$/.test(variable);

/** Names that could be those of services: the host of a URL, or a whole value where the variable speaks of a host. */
function* hostsIn(variable: string, value: string): Generator<string> {
  for (const [, host = ''] of value.matchAll(/[a-z][a-z0-9+.-]*:\/\/(?:[^@/\s]*@)?([\w.-]+)/gi)) yield host;
  if (!/(?:HOSTS?|HOSTNAME|ADDR(?:ESS)?|SERVERS?|BROKERS?|ENDPOINT|UPSTREAM)$/.test(variable)) return;
  for (const one of value.split(',')) yield one.trim().replace(/:\d+$/, '');
}

/** A variable that tells where a named volume is, or a file in it. */
function volumeOf(value: string, volumes: Surroundings['volumes']): Meaning | undefined {
  for (const [volume, path] of volumes) {
    const inside = posix.relative(path, value);
    if (posix.isAbsolute(value) && inside !== '..' && !inside.startsWith('../'))
      return { kind: 'volume', volume, file: inside };
  }
  return undefined;
}
