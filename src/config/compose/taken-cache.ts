import { EVICTIONS } from '../own-cache.ts';
import type { Role } from './classify.ts';
import { itemsOf, type Mapping, textOf } from './compose-file.ts';
import type { Remark } from './service-words.ts';
import { given, type TakenService } from './taken-service.ts';

export function cacheOf(
  services: ReadonlyMap<string, Mapping>,
  roles: ReadonlyMap<string, Role>,
  taken: readonly TakenService[],
): { readonly words: Mapping | undefined; readonly remarks: readonly Remark[] } {
  const [server] = [...roles].flatMap(([name, { kind }]) => (kind === 'cache' ? [name] : []));
  if (server === undefined) return { words: undefined, remarks: [] };
  const numbers = new Map<string, number>();
  const others: Remark[] = [];
  for (const { name, environment } of taken)
    for (const { variable, number } of environment.cacheVariables) {
      const before = numbers.get(variable) ?? number;
      numbers.set(variable, before);
      if (before !== number) others.push(anotherNumber(name, variable, before));
    }
  const first = [...numbers].find(([, number]) => number === 0)?.[0] ?? [...numbers.keys()][0];
  // The first has database 0 here: whoever shared one with it still does.
  const shared = first === undefined ? 0 : numbers.get(first);
  const further = [...numbers]
    .filter(([variable]) => variable !== first)
    .map(([variable, number]) => [variable, number === shared ? 0 : number] as const);
  const { memory, eviction, rest } = settingsOf(services.get(server) ?? {});
  return {
    words: {
      engine: 'redis',
      ...given('memory', memory),
      // What Redis does by itself: nobody's jobs are thrown out because Holdpoint runs it now.
      eviction: eviction ?? 'noeviction',
      ...given('variable', first),
      ...(further.length === 0 ? {} : { databases: Object.fromEntries(further) }),
    },
    remarks: [...serverRemarks(server, services.get(server) ?? {}, { memory, rest }), ...others],
  };
}

/** A variable means the same for all services: it is handed over to each. */
const anotherNumber = (service: string, variable: string, number: number): Remark => ({
  path: ['services', service, 'environment', variable],
  what: `services.${service}: the variable ${variable}`,
  because: `another service has database ${number} in it, and it is one for all: give this one a name of its own`,
});

/** What its command says that Holdpoint has a word for, and whatever else is in it. */
function settingsOf(service: Mapping): { memory?: string; eviction?: string; rest: readonly string[] } {
  const words = wordsOf(service.command).filter((word) => !/(^|\/)(redis|valkey)-server$/.test(word));
  const found: { memory?: string; eviction?: string } = {};
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [word = '', value = ''] = [words[at], words[at + 1]];
    const memory = word === '--maxmemory' ? memoryOf(value) : undefined;
    if (memory !== undefined) found.memory = memory;
    else if (word === '--maxmemory-policy' && (EVICTIONS as readonly string[]).includes(value)) found.eviction = value;
    else {
      rest.push(word);
      continue;
    }
    at++;
  }
  return { ...found, rest };
}

function wordsOf(command: unknown): string[] {
  const items = Array.isArray(command) ? command : (textOf(command) ?? '').split(/\s+/);
  return items.flatMap((item) => textOf(item) || []);
}

/** Redis's `100mb` is ours `100 MiB`, its `100m` ours `100 MB`. */
function memoryOf(text: string): string | undefined {
  const [, number, unit = ''] = /^(\d+)(kb|mb|gb|k|m|g)?$/i.exec(text) ?? [];
  const units: Readonly<Record<string, string>> = { k: 'kB', m: 'MB', g: 'GB', kb: 'KiB', mb: 'MiB', gb: 'GiB' };
  if (number === undefined || Number(number) === 0) return undefined;
  return `${number} ${units[unit.toLowerCase()] ?? 'B'}`;
}

function serverRemarks(
  name: string,
  service: Mapping,
  { memory, rest }: { readonly memory: string | undefined; readonly rest: readonly string[] },
): Remark[] {
  const size = memory === undefined ? ' and holds 128 MiB, or `cache.memory`' : '';
  const path = ['services', name];
  const remarks: Remark[] = [
    {
      path: [...path, 'image'],
      what: `services.${name}: the image ${textOf(service.image)}`,
      because: `Holdpoint runs a Redis of its own in its place, with a password, which keeps nothing over a restart${size}`,
    },
  ];
  if (rest.length > 0)
    remarks.push({
      path: [...path, 'command'],
      what: `services.${name}.command: ${rest.filter((word) => word.startsWith('-')).join(', ') || 'its words'}`,
      because: 'of its settings only `cache.memory` and `cache.eviction` are taken over',
    });
  for (const [i] of itemsOf(service.volumes).entries())
    remarks.push({
      path: [...path, 'volumes', i],
      what: `services.${name}.volumes`,
      because:
        'the cache of Holdpoint writes nothing to a disk: what must outlive a restart belongs into one that you run, given by `cache.url`',
    });
  if (service.ports !== undefined)
    remarks.push({
      path: [...path, 'ports'],
      what: `services.${name}.ports`,
      because: 'the cache is reachable by the services alone',
    });
  return remarks;
}
