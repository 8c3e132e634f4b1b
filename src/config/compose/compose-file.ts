import { posix } from 'node:path';
import { type Path, placeOf, type Source } from '../document.ts';
import type { Finding } from '../explain.ts';
import { envFile, plainEnvFile } from './env-file.ts';
import { type InterpolationFault, interpolated } from './interpolation.ts';

/** Something of a Compose file that Holdpoint does not do, and why. */
export type NotTakenOver = { readonly line: number; readonly what: string; readonly because: string };

/** Where files beside holdpoint.yaml are read: the text of one, or undefined where there is none. */
export type Files = (path: string) => string | undefined;

/** A Compose file that could be parsed. */
export type ComposeFile = {
  readonly source: Source;
  /** Folder of the file, relative to the folder of holdpoint.yaml: what its paths are relative to. */
  readonly folder: string;
  /** As it stands. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** With every variable replaced. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly faults: readonly PlacedFault[];
  /** Variables of the `.env` file beside it. The shell's are not read: the same files give the same app to everybody. */
  readonly variables: ReadonlyMap<string, string>;
  /** The same, each as its line has it: what is put together from other variables is not. */
  readonly plainVariables: ReadonlyMap<string, string>;
  /** Relative to the folder of the Compose file. */
  readonly read: Files;
};

export type PlacedFault = { readonly path: Path; readonly fault: InterpolationFault };

export type Mapping = Readonly<Record<string, unknown>>;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function composeFile(source: Source, path: string, files: Files): ComposeFile | Finding {
  const whole = (found: string, expected: string): Finding => ({
    path: [],
    about: 'value',
    found,
    expected,
    quoted: false,
  });
  let raw: unknown;
  try {
    raw = source.document.toJS();
  } catch {
    return whole('more aliases than a Compose file has use for', 'fewer of them');
  }
  if (!isMapping(raw) || !isMapping(raw.services)) return whole('no services', 'a Compose file with `services:`');
  const folder = posix.dirname(posix.normalize(path));
  const read: Files = (inner) => files(posix.join(folder, inner));
  const lines = read('.env') ?? '';
  const variables = envFile(lines);
  const faults: PlacedFault[] = [];
  const data = replaced(raw, [], (text, at) => {
    const { text: value, faults: found } = interpolated(text, (name) => variables.get(name));
    faults.push(...found.map((fault) => ({ path: at, fault })));
    return value;
  });
  return {
    source,
    folder,
    raw,
    data: isMapping(data) ? data : {},
    faults,
    variables,
    plainVariables: plainEnvFile(lines),
    read,
  };
}

/** Values only: Compose does not interpolate keys. */
function replaced(value: unknown, path: Path, replace: (text: string, path: Path) => string): unknown {
  if (typeof value === 'string') return replace(value, path);
  if (Array.isArray(value)) return value.map((item, i) => replaced(item, [...path, i], replace));
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, replaced(v, [...path, key], replace)]));
}

export function lineOf({ source }: ComposeFile, path: Path): number {
  const { key, value } = placeOf(source.document, path);
  return source.positionAt((key ?? value)?.range?.[0] ?? 0).line;
}

/** Numbers and words alike, as Compose reads them. Undefined for what is neither. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;

/** A list, or one item that stands for a list. */
export function itemsOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

export function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, part) => {
    if (Array.isArray(inner)) return inner[Number(part)];
    return isMapping(inner) ? inner[part] : undefined;
  }, value);
}
