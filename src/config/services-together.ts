import { didYouMean, type Finding, finding } from './explain.ts';
import type { ServiceInput } from './schema/services.ts';
import { serviceAddress } from './service-address.ts';
import { PORTS_FOR_SERVICES, portsOf } from './service-ports.ts';

type Entry = readonly [name: string, service: ServiceInput];

/** What is wrong between services, each of which is right by itself. */
export function findingsAmongServices(services: ReadonlyMap<string, ServiceInput>, isComplete: boolean): Finding[] {
  const entries = [...services];
  return [
    ...sharedRequests(entries),
    ...pathsOfAgents(entries),
    ...sharedPaths(entries),
    ...(isComplete ? unknownAddresses(entries) : []),
    ...tooManyPorts(entries),
  ];
}

/** Two services that get all requests would get half of them each, and answer the other's with 404. */
function sharedRequests(entries: readonly Entry[]): Finding[] {
  const [first, ...others] = entries.filter(([, { kind, paths }]) => kind === 'web' && paths === undefined);
  return others.map(([name]) =>
    finding(
      ['services', name],
      `a second \`web\` service for every path, beside ${first?.[0]}`,
      '`paths: [/api]` in one of them, `paths: []` where only other services reach it, or `kind: agent`',
      'key',
    ),
  );
}

const pathsOfAgents = (entries: readonly Entry[]): Finding[] =>
  entries
    .filter(([, { kind, paths }]) => kind === 'agent' && paths !== undefined)
    .map(([name]) =>
      finding(
        ['services', name, 'paths'],
        'paths of an agent, which no request of people reaches',
        'no `paths`, or `kind: web`',
        'key',
      ),
    );

function sharedPaths(entries: readonly Entry[]): Finding[] {
  const taken = new Map<string, string>();
  return entries.flatMap(([name, { paths }]) =>
    (paths ?? []).flatMap((path, i) => {
      const other = taken.get(path);
      taken.set(path, name);
      return other === undefined
        ? []
        : [finding(['services', name, 'paths', i], `${path}, which ${other} has`, 'each path once')];
    }),
  );
}

function unknownAddresses(entries: readonly Entry[]): Finding[] {
  const names = entries.map(([name]) => name);
  return entries.flatMap(([name, { addresses }]) =>
    Object.entries(addresses).flatMap(([variable, to]) => {
      const { service: called } = serviceAddress(to);
      const path = ['services', name, 'addresses', variable];
      if (called === name) return [finding(path, 'the service itself', 'the name of another service')];
      if (names.includes(called)) return [];
      const expected = `the name of another service${didYouMean(called, names)}`;
      return [{ ...finding(path, `"${to}"`, expected), quoted: true }];
    }),
  );
}

function tooManyPorts(entries: readonly Entry[]): Finding[] {
  const wanted = portsOf(entries.map(([, service]) => service));
  if (wanted <= PORTS_FOR_SERVICES) return [];
  const expected = `at most ${PORTS_FOR_SERVICES}: fewer services, or fewer instances of one`;
  return [finding(['services'], `services that take ${wanted} ports of an environment`, expected, 'key')];
}
