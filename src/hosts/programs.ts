import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The oldest PostgreSQL that the parts are written for: 14, what Ubuntu 22.04 carries. */
export const OLDEST_POSTGRES = 14;

const POSTGRES_ROOT = '/usr/lib/postgresql';
export const POSTGRES_PROGRAMS: ReadonlySet<string> = new Set([
  'postgres',
  'initdb',
  'pg_ctl',
  'pg_isready',
  'pg_checksums',
  'pg_controldata',
  'pg_dump',
  'pg_receivewal',
  'psql',
]);

/** Debian's names where they differ from upstream's. */
const DEBIAN_NAMES: Readonly<Record<string, string>> = {
  'blackbox-exporter': 'prometheus-blackbox-exporter',
  alertmanager: 'prometheus-alertmanager',
  'node-exporter': 'prometheus-node-exporter',
  'postgres-exporter': 'prometheus-postgres-exporter',
};

/** The file name of a program in Debian's packages. */
export const debianName = (program: string): string => DEBIAN_NAMES[program] ?? program;

const FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/bin', '/sbin'];

/** Absolute path of a program of a part, by upstream's name; undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  if (POSTGRES_PROGRAMS.has(name)) {
    const folder = postgresBinaries();
    return folder === undefined ? undefined : executable(join(folder.path, name));
  }
  const file = debianName(name);
  for (const folder of FOLDERS) {
    const found = executable(join(folder, file));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The newest installed PostgreSQL server that is new enough. Debian keeps each major version in a folder of its own. */
export function postgresBinaries(
  root = POSTGRES_ROOT,
): { readonly version: number; readonly path: string } | undefined {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return undefined;
  }
  const versions = names
    .map(Number)
    .filter((version) => Number.isInteger(version) && version >= OLDEST_POSTGRES)
    .filter((version) => executable(join(root, String(version), 'bin', 'postgres')) !== undefined);
  if (versions.length === 0) return undefined;
  const version = Math.max(...versions);
  return { version, path: join(root, String(version), 'bin') };
}

function executable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}
