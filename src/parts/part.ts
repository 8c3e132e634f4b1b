import { createHash } from 'node:crypto';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Mount, Software, Unit, UnitFile, UnitUser } from '../runtimes/unit.ts';

/** A server beside the app's services, as data: where it keeps things, what it reads, what runs. */
export type Part = {
  readonly stores: readonly { readonly name: string; readonly owner: UnitUser }[];
  readonly files: readonly UnitFile[];
  readonly units: readonly Unit[];
};

/** Every part's programs come from Debian's packages. */
export const OF_PARTS: Software = { kind: 'parts' };

export const reads = (...stores: readonly string[]): readonly Mount[] =>
  stores.map((store) => ({ store, access: 'read' }));
export const writes = (...stores: readonly string[]): readonly Mount[] =>
  stores.map((store) => ({ store, access: 'write' }));

/** Parts as one: their stores and files first, then their units in order. */
export const joined = (parts: readonly Part[]): Part => ({
  stores: parts.flatMap((part) => part.stores),
  files: parts.flatMap((part) => part.files),
  units: parts.flatMap((part) => part.units),
});

/**
 * One digest of what files hold. In a unit's environment it makes a changed file a changed description, so that a server
 * which reads its files only at its start is started again.
 */
export function contentDigest(files: readonly Pick<UnitFile, 'path' | 'content'>[]): string {
  const hash = createHash('sha256');
  for (const { path, content } of files) hash.update(`${path}\0${content.length}\0`).update(content);
  return hash.digest('hex');
}

/** Makes the stores and puts the files, without starting anything: for jobs that come before the units. */
export async function lay(runtime: Runtime, part: Part): Promise<void> {
  for (const { name, owner } of part.stores) await runtime.store(name, owner);
  await runtime.put(part.files);
}

/** Carries out a part. What runs as described goes on running: a changed file is taken up by the part's own reload. */
export async function carryOut(runtime: Runtime, part: Part): Promise<void> {
  await lay(runtime, part);
  for (const unit of part.units) await runtime.start(unit);
}
