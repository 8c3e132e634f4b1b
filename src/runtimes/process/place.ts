import { accessSync, constants, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fail } from '../../evidence/problem.ts';
import { currentAccount, isRoot } from '../../hosts/accounts.ts';
import { SYSTEM_PATH } from '../../hosts/local.ts';
import { installCommand, PART_PACKAGES, RUNTIME_PACKAGES } from '../../hosts/packages.ts';
import { findProgram, POSTGRES_PROGRAMS } from '../../hosts/programs.ts';
import { APP_USER } from '../../hosts/users.ts';
import { checkedName, checkedPath } from '../checked-name.ts';
import type { Place } from '../runtime.ts';
import type { Software, UnitUser } from '../unit.ts';

/** Debian's packages bring these users along. */
const USERS: Readonly<Record<UnitUser, string>> = {
  app: APP_USER,
  postgres: 'postgres',
  proxy: 'caddy',
  monitoring: 'prometheus',
  cache: 'redis',
};

/** What a place has to know of the host that the units are on. It is found there and can be sent. */
export type PlaceFacts = {
  /** Absolute paths of the installed programs of parts, by upstream's name. */
  readonly programs: Readonly<Record<string, string>>;
  readonly node: string;
  readonly users: Readonly<Record<UnitUser, string>>;
  /** Folder that holds the trees of releases by digest; undefined where each lies where Holdpoint built it. */
  readonly trees: string | undefined;
};

const PROGRAMS = [
  ...[...PART_PACKAGES, ...RUNTIME_PACKAGES].flatMap(({ program }) => program ?? []),
  ...POSTGRES_PROGRAMS,
  'promtool',
  'amtool',
  'redis-cli',
];

/** The facts of this machine, for an environment in a folder of it. */
export function placeFacts(folder: string, trees: string | undefined): PlaceFacts {
  const own = currentAccount().name;
  return {
    programs: Object.fromEntries(PROGRAMS.flatMap((name) => namedProgram(name))),
    node: nodeProgram(folder),
    users: isRoot() ? USERS : { app: own, postgres: own, proxy: own, monitoring: own, cache: own },
    trees,
  };
}

function namedProgram(name: string): readonly (readonly [string, string])[] {
  const path = findProgram(name);
  return path === undefined ? [] : [[name, path]];
}

/**
 * Where the units of an environment find things: stores are folders, every address is on the loopback.
 *
 * @param look asked each time, so that what was installed meanwhile is found
 */
export const processPlace = (folder: string, look: () => PlaceFacts): Place => ({
  path(store, file) {
    const root = join(folder, 'stores', checkedName(store));
    return file === undefined ? root : join(root, checkedPath(file));
  },
  address: (_unit, port) => `127.0.0.1:${port}`,
  program(name) {
    const { programs, node } = look();
    if (name === 'node') return node;
    return (
      programs[name] ??
      fail({
        kind: 'host',
        what: `the program \`${name}\` is not installed`,
        next: installCommand([packageOf(name)]),
      })
    );
  },
  user: (role) => look().users[role],
  root(software) {
    if (software.kind !== 'tree') return undefined;
    const { trees } = look();
    return trees === undefined ? software.folder : join(trees, treeName(software));
  },
  listen: '127.0.0.1',
  neighbours: '127.0.0.1/32',
  usage: { from: 'proc', folder: join(folder, 'units') },
});

/** The name of a tree in the folder of trees: its digest without the algorithm. */
export const treeName = ({ digest }: Extract<Software, { readonly kind: 'tree' }>): string =>
  digest.slice(digest.indexOf(':') + 1);

const packageOf = (program: string): string =>
  [...PART_PACKAGES, ...RUNTIME_PACKAGES].find((need) => need.program === program)?.package ??
  (POSTGRES_PROGRAMS.has(program) ? 'postgresql' : program);

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
