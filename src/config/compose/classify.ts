import type { ComposeFile, Mapping } from './compose-file.ts';
import { isMapping, itemsOf, textOf } from './compose-file.ts';
import { knownImage } from './known-images.ts';
import { dependenciesOf } from './order.ts';
import { sourceOf } from './service-words.ts';

/** What becomes of a service of the Compose file. */
export type Role =
  | { readonly kind: 'service' }
  /** Holdpoint runs a Postgres in its place. */
  | { readonly kind: 'database' }
  /** Holdpoint runs a Redis in its place. */
  | { readonly kind: 'cache' }
  /** Runs once before others start: the migrations, where it is made of the same as a service. */
  | { readonly kind: 'one-shot' }
  /** Left out by `x-holdpoint: false`, or because holdpoint.yaml has a service of that name. */
  | { readonly kind: 'left-out' }
  | { readonly kind: 'dropped'; readonly because: string; readonly isProxy?: true };

export type Wishes = {
  readonly profiles: ReadonlySet<string>;
  /** Services that holdpoint.yaml has itself. */
  readonly ownServices: ReadonlySet<string>;
  /** holdpoint.yaml names a database, or a cache, that somebody else runs. */
  readonly databaseByUrl: boolean;
  readonly cacheByUrl: boolean;
};

export function rolesOf(
  compose: ComposeFile,
  services: ReadonlyMap<string, Mapping>,
  wishes: Wishes,
): ReadonlyMap<string, Role> {
  const waitedFor = new Set(
    [...services.values()].flatMap((service) =>
      dependenciesOf(service).flatMap(({ on, condition }) =>
        condition === 'service_completed_successfully' ? [on] : [],
      ),
    ),
  );
  const roles = new Map<string, Role>();
  for (const [name, service] of services) {
    const role =
      waitedFor.has(name) && isActive(service, wishes)
        ? { kind: 'one-shot' as const }
        : roleOf(compose, name, service, wishes);
    const isServer = role.kind === 'database' || role.kind === 'cache';
    const isSecond = isServer && [...roles.values()].some(({ kind }) => kind === role.kind);
    roles.set(
      name,
      isSecond ? { kind: 'dropped', because: `an app has one ${role.kind} here; the first one is taken over` } : role,
    );
  }
  return roles;
}

const isActive = (service: Mapping, { profiles }: Wishes): boolean => {
  const own = itemsOf(service.profiles).map((profile) => textOf(profile) ?? '');
  return own.length === 0 || own.some((profile) => profiles.has(profile) || profiles.has('*'));
};

function roleOf(compose: ComposeFile, name: string, service: Mapping, wishes: Wishes): Role {
  const said = service['x-holdpoint'];
  if (said === false || wishes.ownServices.has(name)) return { kind: 'left-out' };
  if (!isActive(service, wishes)) {
    const profiles = itemsOf(service.profiles).map((profile) => textOf(profile) ?? '');
    return { kind: 'dropped', because: `it belongs to the profile ${profiles.join(' or ')}, which is not asked for` };
  }
  if (isMapping(said)) return { kind: 'service' };
  if (sourceOf(compose, service) === undefined)
    return { kind: 'dropped', because: 'it has neither `image` nor `build` of its own' };
  const known = service.build === undefined ? knownImage(textOf(service.image) ?? '') : undefined;
  switch (known?.kind) {
    case 'postgres':
      return wishes.databaseByUrl
        ? { kind: 'dropped', because: 'holdpoint.yaml names another database' }
        : { kind: 'database' };
    case 'redis':
      return wishes.cacheByUrl ? { kind: 'dropped', because: 'holdpoint.yaml names another cache' } : { kind: 'cache' };
    case 'server':
      return {
        kind: 'dropped',
        because: `Holdpoint runs no ${known.name}: run it elsewhere and hand its address over under \`secrets\``,
      };
    case 'part':
      return { kind: 'dropped', because: known.because };
    case 'proxy':
      return dependenciesOf(service).length === 0
        ? { kind: 'service' }
        : {
            kind: 'dropped',
            because: 'Holdpoint runs a load balancer of its own before the services behind it',
            isProxy: true,
          };
    default:
      return { kind: 'service' };
  }
}
