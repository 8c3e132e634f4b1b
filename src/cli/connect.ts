import { fail } from '../evidence/problem.ts';
import type { Call } from './command.ts';
import type { Resident } from './resident.ts';

/**
 * How badly the resident process is needed.
 * - `start`: it is started where none runs
 * - `where-state-is`: it is started only where there is something to look at
 */
export type Need = 'start' | 'where-state-is';

/** Reaches the resident process. */
export async function connect(_call: Call, _need: Need): Promise<Resident> {
  return fail({
    kind: 'internal',
    what: 'this build has no resident process yet',
    next: '`holdpoint plan` works without one',
  });
}
