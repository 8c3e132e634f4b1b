import type { App } from '../config/app.ts';
import type { PackageNeed } from '../hosts/packages.ts';
import { PART_PACKAGES, RUNTIME_PACKAGES, SOURCE_PACKAGES } from '../hosts/packages.ts';

const FOR_A_DATABASE: ReadonlySet<string> = new Set(['postgresql', 'pgbackrest', 'prometheus-postgres-exporter']);

/** The Debian packages that an app's launch stands on: those of the parts that it has, and what reads its sources. */
export function packagesFor(app: App): readonly PackageNeed[] {
  const database = app.database?.managed.kind === 'by-holdpoint';
  const parts = PART_PACKAGES.filter((need) => database || !FOR_A_DATABASE.has(need.package));
  return [...SOURCE_PACKAGES, ...RUNTIME_PACKAGES, ...parts];
}
