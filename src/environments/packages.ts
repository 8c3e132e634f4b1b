import type { App, RuntimeKind } from '../config/app.ts';
import type { PackageNeed } from '../hosts/host.ts';
import { PART_PACKAGES, RUNTIME_PACKAGES, SOURCE_PACKAGES } from '../hosts/packages.ts';

const FOR_A_CACHE = 'redis-server';
const FOR_A_DATABASE: ReadonlySet<string> = new Set(['postgresql', 'pgbackrest', 'prometheus-postgres-exporter']);

/** The Debian packages that a host of an environment stands on. Under `docker` they are in the images. */
export function packagesFor(app: App, runtime: RuntimeKind): readonly PackageNeed[] {
  if (runtime === 'docker') return [];
  const database = app.database !== undefined;
  const parts = PART_PACKAGES.filter(
    (need) =>
      (database || !FOR_A_DATABASE.has(need.package)) && (app.cache !== undefined || need.package !== FOR_A_CACHE),
  );
  return [...RUNTIME_PACKAGES, ...parts, ...ofTheApp(app)];
}

/** What this machine needs to read and build the app's sources, whatever runs it. */
export const packagesToBuild = (app: App): readonly PackageNeed[] => [
  ...SOURCE_PACKAGES,
  ...(app.build.length > 0 || app.tests ? ofTheApp(app) : []),
];

/** A library has no program to be known by: only the package itself counts. */
const ofTheApp = (app: App): readonly PackageNeed[] => app.packages.map((name) => ({ package: name }));
