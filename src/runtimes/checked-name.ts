import { isAbsolute, normalize } from 'node:path';
import { fail } from '../evidence/problem.ts';

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

/** A path that stays below its store. */
export function checkedPath(path: string): string {
  const plain = normalize(path);
  if (plain !== '' && !isAbsolute(plain) && plain !== '..' && !plain.startsWith('../')) return plain;
  return fail({ kind: 'internal', what: `\`${path}\` does not lie in its store`, next: 'use a path below the store' });
}
