import type { Service } from '../config/app.ts';
import type { Slot } from '../runtimes/unit.ts';
import type { Environment } from './environment.ts';
import type { Behind } from './ports.ts';

/**
 * The door by which a service calls another one: a web service of a slot calls those of its own slot, so that a candidate
 * is tried with the release that it belongs to; everybody else calls what is live.
 */
export function doorBetween({ app }: Environment, slot: Slot | undefined, called: string): Behind {
  const kind = app.services.find(({ name }) => name === called)?.kind;
  return kind === 'web' && slot !== undefined ? slot : 'live';
}

/** Where a door is reached from within the environment, without a path: `http://caddy:21098`. */
export const doorUrlOf = ({ ports, runtime }: Environment, called: string, behind: Behind): string =>
  `http://${runtime.place.address('caddy', ports.inward(called, behind))}`;

/** The URLs of the services that a service calls, by the variables that tell them. */
export function addressVariables(
  environment: Environment,
  service: Service | undefined,
  slot: Slot | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (service?.addresses ?? []).map(({ variable, service: called, path }) => [
      variable,
      `${doorUrlOf(environment, called, doorBetween(environment, slot, called))}${path}`,
    ]),
  );
}

/** Whoever is called before who calls; where they call in a ring, as they are listed. */
export function calledFirst(services: readonly Service[]): Service[] {
  const ordered = new Set<Service>();
  const visit = (service: Service, above: readonly Service[]): void => {
    if (ordered.has(service) || above.includes(service)) return;
    for (const { service: called } of service.addresses) {
      const other = services.find(({ name }) => name === called);
      if (other !== undefined) visit(other, [...above, service]);
    }
    ordered.add(service);
  };
  for (const service of services) visit(service, []);
  return [...ordered];
}
