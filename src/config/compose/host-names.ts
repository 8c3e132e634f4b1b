import { isMapping, itemsOf, type Mapping, textOf } from './compose-file.ts';

/** Further host names of each service: `container_name`, `hostname`, and its aliases in networks. */
export function hostNames(services: ReadonlyMap<string, Mapping>): ReadonlyMap<string, string> {
  const others = [...services].flatMap(([name, service]) => namesOf(service).map((host) => [host, name] as const));
  // A service's own name is never another one's.
  return new Map([...others, ...[...services.keys()].map((name) => [name, name] as const)]);
}

function namesOf(service: Mapping): string[] {
  const networks = isMapping(service.networks) ? Object.values(service.networks) : [];
  const aliases = networks.flatMap((network) => (isMapping(network) ? itemsOf(network.aliases) : []));
  return [service.container_name, service.hostname, ...aliases].flatMap((given) => textOf(given) || []);
}

/** Names that a service itself has for others: `links: ["db:database"]`. */
export function linkNames(service: Mapping): ReadonlyMap<string, string> {
  return new Map(
    itemsOf(service.links).flatMap((item) => {
      const [name, alias] = (textOf(item) ?? '').split(':');
      return !name || !alias ? [] : [[alias, name] as const];
    }),
  );
}
