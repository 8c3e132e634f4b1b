import { posix } from 'node:path';
import type { Path } from '../document.ts';
import { namesSecret } from '../literal-secret.ts';
import { at, type ComposeFile, isMapping, itemsOf, type Mapping, type NotTakenOver, textOf } from './compose-file.ts';
import { envFile, plainEnvFile } from './env-file.ts';
import { secretNameOf } from './secret-name.ts';
import { type Entry, meaningOf, type Surroundings } from './variable-meaning.ts';

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

const ownEnvFile = ({ folder }: ComposeFile): string => posix.join(folder, '.env');

/** Not where it is put together from other variables: a reference gives its line as it stands. */
function isIn(variable: string, { variables, plainVariables }: ComposeFile): boolean {
  const value = variables.get(variable) ?? '';
  return value !== '' && plainVariables.get(variable) === value;
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
