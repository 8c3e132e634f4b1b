import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupLife, groupUsage } from '../runtimes/docker/cgroup.ts';
import type { UnitSample } from './unit-exporter.ts';

/** Where a container sees the control groups of all. */
const GROUPS = '/sys/fs/cgroup';

type Named = { readonly unit: string; readonly service: string; readonly container: string };
type Seen = { readonly container: string; readonly life: string; readonly restarts: number };

/** What was read last of each file: one that is written at this moment may be half there. */
const names = new Map<string, Named>();
/** Lives of each unit's container, as far as this exporter saw them. */
const seen = new Map<string, Seen>();

/**
 * Processor time, memory and restarts of each unit that runs in a container.
 *
 * @param folder holds a file `UNIT.json` for each unit: `{"unit": …, "service": …, "container": …}`
 */
export function containerSamples(folder: string, groups = GROUPS): readonly UnitSample[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json') && !file.startsWith('.'));
  for (const file of names.keys()) if (!files.includes(file)) names.delete(file);
  return files.sort().flatMap((file) => {
    const named = read(join(folder, file)) ?? names.get(file);
    if (named === undefined) return [];
    names.set(file, named);
    const { unit, service, container } = named;
    return [{ unit, service, restarts: restartsOf(named, groups), usage: groupUsage(groups, container) }];
  });
}

/** A new group of the same container is a restart; a new container is a unit that somebody started. */
function restartsOf({ unit, container }: Named, groups: string): number {
  const life = groupLife(groups, container);
  const before = seen.get(unit);
  if (before?.container === container) {
    if (life === undefined || life === before.life) return before.restarts;
    seen.set(unit, { container, life, restarts: before.restarts + 1 });
    return before.restarts + 1;
  }
  if (life !== undefined) seen.set(unit, { container, life, restarts: 0 });
  return 0;
}

function read(path: string): Named | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isNamed(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

const isNamed = (value: unknown): value is Named =>
  typeof value === 'object' &&
  value !== null &&
  ['unit', 'service', 'container'].every((name) => typeof Reflect.get(value, name) === 'string');
