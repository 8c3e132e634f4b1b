import { posix } from 'node:path';
import type { Path } from '../document.ts';
import { looksLikeSecret, namesSecret } from '../literal-secret.ts';
import { at, type ComposeFile, isMapping, itemsOf, type Mapping, type NotTakenOver, textOf } from './compose-file.ts';
import { envFile, plainEnvFile } from './env-file.ts';
import { soleVariable } from './interpolation.ts';
import { secretNameOf } from './secret-name.ts';

/** One variable of a service, with the place that set it. */
type Entry = {
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

/** What the variables of a service came to, in the words of holdpoint.yaml. */
export type TakenEnvironment = {
  readonly environment: Readonly<Record<string, string>>;
  readonly portVariable: string | undefined;
  readonly hostVariable: string | undefined;
  /** The variables that carry the URL of the database. */
  readonly databaseVariables: readonly string[];
  readonly databaseName: string | undefined;
  /** The variables that carry the URL of the cache, each with the number of the database in it. */
  readonly cacheVariables: readonly { readonly variable: string; readonly number: number }[];
  readonly volumes: Readonly<Record<string, { readonly variable: string; readonly file?: string }>>;
  /** Other services that it calls, by variable: `api/v1`, with the port that is named. */
  readonly calls: readonly {
    readonly variable: string;
    readonly to: string;
    readonly port: number;
    readonly path: Path;
  }[];
  /** By the name of the Compose secret, or of the variable. */
  readonly secrets: ReadonlyMap<string, TakenSecret>;
  readonly remarks: readonly (Omit<NotTakenOver, 'line'> & { readonly path: Path })[];
  /** Places whose value is not used after all, so that a variable that is missing there does not matter. */
  readonly unused: readonly Path[];
};

export type TakenSecret =
  | { readonly kind: 'file'; readonly variable: string }
  /** `reference` as holdpoint.yaml has it. */
  | { readonly kind: 'reference'; readonly reference: string; readonly variable: string };

export function takenEnvironment(compose: ComposeFile, name: string, around: Surroundings): TakenEnvironment {
  const { entries, remarks: missing } = entriesOf(compose, name);
  const environment: Record<string, string> = {};
  const volumes: Record<string, { variable: string; file?: string }> = {};
  const calls: TakenEnvironment['calls'][number][] = [];
  const secrets = new Map<string, TakenSecret>();
  const databaseVariables: string[] = [];
  const cacheVariables: { variable: string; number: number }[] = [];
  const remarks: { what: string; because: string; path: Path }[] = [...missing];
  const unused: Path[] = [];
  let portVariable: string | undefined;
  let hostVariable: string | undefined;
  let databaseName: string | undefined;
  for (const entry of entries) {
    const { name: variable, path, value } = entry;
    const what = `services.${name}: the variable ${variable}`;
    const meaning = meaningOf(entry, around);
    // What becomes an address is used as it is: a variable that is missing in it matters.
    if (meaning.kind !== 'plain' && meaning.kind !== 'address') unused.push(path);
    switch (meaning.kind) {
      case 'plain':
        environment[variable] = value;
        break;
      case 'handed-over':
        break;
      case 'database':
        databaseVariables.push(variable);
        databaseName ??= meaning.name;
        break;
      case 'cache':
        cacheVariables.push({ variable, number: meaning.number });
        break;
      case 'port':
        portVariable = variable;
        break;
      case 'host':
        hostVariable = variable;
        break;
      case 'volume':
        volumes[meaning.volume] = { variable, ...(meaning.file === '' ? {} : { file: meaning.file }) };
        break;
      case 'address':
        calls.push({ variable, to: meaning.to, port: meaning.port, path });
        break;
      case 'secret-file':
        secrets.set(meaning.secret, { kind: 'file', variable });
        break;
      case 'secret':
        secrets.set(secretNameOf(variable), {
          kind: 'reference',
          // Compose takes the shell's value first, which is another one for everybody.
          reference: isIn(meaning.from, compose)
            ? `dotenv:${ownEnvFile(compose)}#${meaning.from}`
            : `env:${meaning.from}`,
          variable,
        });
        if (compose.variables.has(meaning.from) && !isIn(meaning.from, compose))
          remarks.push({
            what,
            because: `${meaning.from} is empty in .env, or put together from other variables: export it where Holdpoint runs, or give another reference under \`secrets\``,
            path,
          });
        break;
      case 'secret-line':
        secrets.set(secretNameOf(variable), {
          kind: 'reference',
          reference: `dotenv:${meaning.file}#${variable}`,
          variable,
        });
        break;
      case 'left-out':
        remarks.push({ what, because: meaning.because, path });
    }
  }
  return {
    environment,
    portVariable,
    hostVariable,
    databaseVariables,
    databaseName,
    cacheVariables,
    volumes,
    calls,
    secrets,
    remarks,
    unused,
  };
}

type Meaning =
  | { readonly kind: 'plain' | 'handed-over' | 'port' | 'host' }
  | { readonly kind: 'database'; readonly name: string | undefined }
  | { readonly kind: 'cache'; readonly number: number }
  | { readonly kind: 'volume'; readonly volume: string; readonly file: string }
  | { readonly kind: 'address'; readonly to: string; readonly port: number }
  | { readonly kind: 'secret-file'; readonly secret: string }
  | { readonly kind: 'secret'; readonly from: string }
  | { readonly kind: 'secret-line'; readonly file: string }
  | { readonly kind: 'left-out'; readonly because: string };

function meaningOf({ name: variable, value, raw, file }: Entry, around: Surroundings): Meaning {
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

const ownEnvFile = ({ folder }: ComposeFile): string => posix.join(folder, '.env');

/** Not where it is put together from other variables: a reference gives its line as it stands. */
function isIn(variable: string, { variables, read }: ComposeFile): boolean {
  const value = variables.get(variable) ?? '';
  return value !== '' && plainEnvFile(read('.env') ?? '').get(variable) === value;
}

type Entries = { readonly entries: readonly Entry[]; readonly remarks: TakenEnvironment['remarks'] };

/** `env_file` first: what stands under `environment` wins, as in Compose. */
function entriesOf(compose: ComposeFile, name: string): Entries {
  const own: Path = ['services', name];
  const remarks: { what: string; because: string; path: Path }[] = [];
  const found = new Map<string, Entry>();
  const filePath = [...own, 'env_file'];
  for (const item of itemsOf(at(compose.data, filePath))) {
    const file = isMapping(item) ? textOf(item.path) : textOf(item);
    const text = file === undefined ? undefined : compose.read(file);
    if (file !== undefined && text === undefined && !(isMapping(item) && item.required === false))
      remarks.push({ what: `services.${name}: the file ${file}`, because: 'there is no such file', path: filePath });
    const within = file === undefined ? undefined : posix.join(compose.folder, file);
    const alone = plainEnvFile(text ?? '');
    for (const [variable, value] of envFile(text ?? '', compose.variables)) {
      const stands = alone.get(variable) === value ? within : undefined;
      found.set(variable, { name: variable, value, raw: value, path: filePath, file: stands });
    }
  }
  const given = at(compose.data, [...own, 'environment']);
  for (const { name: variable, value, path } of isMapping(given) ? ofMapping(given, own) : ofList(given, own)) {
    const passed = value ?? compose.variables.get(variable);
    if (passed === undefined) {
      const because =
        'its value comes from the shell, which Holdpoint does not read: give it here, in .env or under `secrets`';
      if (!namesSecret(variable)) remarks.push({ what: `services.${name}: the variable ${variable}`, because, path });
    }
    const raw = value === undefined ? `\${${variable}}` : rawOf(compose, path, variable);
    if (passed !== undefined || namesSecret(variable))
      found.set(variable, { name: variable, value: passed ?? '', raw, path, file: undefined });
  }
  return { entries: [...found.values()], remarks };
}

type Given = { readonly name: string; readonly value: string | undefined; readonly path: Path };

const ofMapping = (given: Mapping, own: Path): Given[] =>
  Object.entries(given).map(([name, value]) => ({ name, value: textOf(value), path: [...own, 'environment', name] }));

const ofList = (given: unknown, own: Path): Given[] =>
  itemsOf(given).flatMap((item, i) => {
    const [, name, , value] = /^([^=]+)(=([\s\S]*))?$/.exec(textOf(item) ?? '') ?? [];
    return name === undefined ? [] : [{ name, value, path: [...own, 'environment', i] }];
  });

function rawOf(compose: ComposeFile, path: Path, name: string): string {
  const raw = textOf(at(compose.raw, path)) ?? '';
  return typeof path.at(-1) === 'number' ? raw.slice(name.length + 1) : raw;
}
