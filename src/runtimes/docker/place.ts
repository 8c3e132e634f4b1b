import { debianName, POSTGRES_PROGRAMS } from '../../hosts/programs.ts';
import { checkedName, checkedPath } from '../checked-name.ts';
import type { Place } from '../runtime.ts';
import { POSTGRES_VERSION } from './machine.ts';
import { IMAGE_USERS } from './users.ts';

/** Where stores are mounted in every container. */
export const STORES = '/stores';
/** Where the tree of a release lies in its image. */
export const TREE = '/app';
/**
 * A store of the runtime's own, in which a unit with `sees: 'usage'` finds what the control groups below `/sys/fs/cgroup`
 * do not tell: which container is which unit. See `unit-names.ts`.
 */
export const UNIT_NAMES = 'unit-names';

/** The path of a program in our images, which hold Debian's packages: known without looking. */
function program(name: string): string {
  if (name === 'node') return '/usr/local/bin/node';
  if (POSTGRES_PROGRAMS.has(name)) return `/usr/lib/postgresql/${POSTGRES_VERSION}/bin/${name}`;
  return `/usr/bin/${debianName(name)}`;
}

/** Where units find things in containers: the same on every engine. */
export const DOCKER_PLACE: Place = {
  path(store, file) {
    const root = `${STORES}/${checkedName(store)}`;
    return file === undefined ? root : `${root}/${checkedPath(file)}`;
  },
  // The unit's name is its alias in the environment's networks.
  address: (unit, port) => `${checkedName(unit)}:${port}`,
  program,
  user: (role) => IMAGE_USERS[role].name,
  root: (software) => (software.kind === 'tree' ? TREE : undefined),
  listen: '0.0.0.0',
  neighbours: 'samenet',
  usage: { from: 'cgroup', store: UNIT_NAMES },
};
