import { accessSync, constants, statSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { fail } from '../../evidence/problem.ts';
import { currentAccount, isRoot } from '../../hosts/accounts.ts';
import { SYSTEM_PATH } from '../../hosts/local.ts';
import { installCommand, PART_PACKAGES, RUNTIME_PACKAGES } from '../../hosts/packages.ts';
import { findProgram } from '../../hosts/programs.ts';
import { APP_USER } from '../../hosts/users.ts';
import type { Place } from '../runtime.ts';
import type { UnitUser } from '../unit.ts';

/** Debian's packages bring these users along. */
const USERS: Readonly<Record<UnitUser, string>> = {
  app: APP_USER,
  postgres: 'postgres',
  proxy: 'caddy',
  monitoring: 'prometheus',
  cache: 'redis',
};

/** Where the units of an environment find things: stores are folders, every address is on the loopback. */
export const processPlace = (folder: string): Place => ({
  path(store, file) {
    const root = join(folder, 'stores', checkedName(store));
    return file === undefined ? root : join(root, checkedPath(file));
  },
  address: (_unit, port) => `127.0.0.1:${port}`,
  program(name) {
    if (name === 'node') return nodeProgram(folder);
    return (
      findProgram(name) ??
      fail({
        kind: 'host',
        what: `the program \`${name}\` is not installed`,
        next: installCommand([packageOf(name)]),
      })
    );
  },
  user: (role) => (isRoot() ? USERS[role] : currentAccount().name),
  root: (software) => (software.kind === 'tree' ? software.folder : undefined),
  listen: '127.0.0.1',
  neighbours: '127.0.0.1/32',
  usage: { from: 'proc', folder: join(folder, 'units') },
});

const packageOf = (program: string): string =>
  [...PART_PACKAGES, ...RUNTIME_PACKAGES].find((need) => need.program === program)?.package ??
  (program.startsWith('pg_') || program === 'psql' || program === 'initdb' ? 'postgresql' : program);

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** A name of a unit, job or store: safe as a file name, in supervisor's configuration, and as a container's name. */
export function checkedName(name: string): string {
  if (NAME.test(name)) return name;
  return fail({
    kind: 'internal',
    what: `\`${name}\` cannot be the name of a unit, job or store`,
    next: 'use lower-case letters, digits and hyphens, at most 63 of them',
  });
}

export function checkedPath(path: string): string {
  const plain = normalize(path);
  if (plain !== '' && !isAbsolute(plain) && plain !== '..' && !plain.startsWith('../')) return plain;
  return fail({ kind: 'internal', what: `\`${path}\` does not lie in its store`, next: 'use a path below the store' });
}

/**
 * Node for units. The one that runs Holdpoint, unless it lies where other users may not go (a version manager in root's
 * home): then the copy that the runtime keeps in the environment.
 */
export const nodeProgram = (folder: string): string =>
  isRoot() && !othersMayRun(process.execPath) ? nodeCopy(folder) : process.execPath;

export const nodeCopy = (folder: string): string => join(folder, 'bin', 'node');

function othersMayRun(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & constants.S_IXOTH) === 0) return false;
    if (at === '/') return true;
  }
}

/** PATH of units: Node first, so that `node` is the one that Holdpoint was started with. */
export const unitPath = (folder: string): string => {
  const node = dirname(nodeProgram(folder));
  return SYSTEM_PATH.split(':').includes(node) ? SYSTEM_PATH : `${node}:${SYSTEM_PATH}`;
};

/** A program as `env` would find it; undefined where there is none. */
export function resolveProgram(program: string, path: string, directory: string): string | undefined {
  const candidates = program.includes('/')
    ? [isAbsolute(program) ? program : join(directory, program)]
    : path.split(':').map((part) => join(part, program));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}
