import { type Finding, finding as findingAt } from '../explain.ts';
import { isMapping, itemsOf, type Mapping, textOf } from './compose-file.ts';

export type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully';
export type Dependency = { readonly on: string; readonly condition: Condition | undefined };

/** What a service waits for: a list of names, or a mapping with conditions. */
export function dependenciesOf(service: Mapping): Dependency[] {
  const given = service.depends_on;
  if (!isMapping(given))
    return itemsOf(given).flatMap((name) =>
      typeof name === 'string' ? [{ on: name, condition: 'service_started' }] : [],
    );
  return Object.entries(given).map(([on, how]) => ({
    on,
    condition: conditionOf(isMapping(how) ? (textOf(how.condition) ?? 'service_started') : 'service_started'),
  }));
}

const CONDITIONS = ['service_started', 'service_healthy', 'service_completed_successfully'] as const;
const conditionOf = (text: string): Condition | undefined => CONDITIONS.find((condition) => condition === text);

/** A service that nobody knows, a condition that does not exist, and services that wait for each other in a ring. */
export function orderFindings(services: ReadonlyMap<string, Mapping>): Finding[] {
  const graph = new Map([...services].map(([name, service]) => [name, dependenciesOf(service)]));
  const wrong = [...graph].flatMap(([name, dependencies]) =>
    dependencies.flatMap(({ on, condition }) => {
      const path = ['services', name, 'depends_on', on];
      if (!services.has(on))
        return [finding(path, `"${on}"`, `a service of the file: ${[...services.keys()].join(', ')}`)];
      return condition === undefined ? [finding(path, 'an unknown condition', `one of ${CONDITIONS.join(', ')}`)] : [];
    }),
  );
  const ring = cycle(graph);
  if (ring === undefined) return wrong;
  const [first = '', ...others] = ring;
  const found = `a cycle: ${first} waits for ${[...others, first].join(', which waits for ')}`;
  return [
    ...wrong,
    finding(['services', first, 'depends_on'], found, 'services that can be started one after the other'),
  ];
}

function cycle(graph: ReadonlyMap<string, readonly Dependency[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): string[] | undefined => {
    const start = above.indexOf(name);
    if (start !== -1) return above.slice(start);
    if (done.has(name)) return undefined;
    for (const { on } of graph.get(name) ?? []) {
      const found = visit(on, [...above, name]);
      if (found !== undefined) return found;
    }
    done.add(name);
    return undefined;
  };
  for (const name of graph.keys()) {
    const found = visit(name, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

const finding = (path: Finding['path'], found: string, expected: string): Finding =>
  findingAt(path, found, expected, 'key');
