import { serviceAddress } from '../service-address.ts';
import { isMapping, type Mapping } from './compose-file.ts';
import type { Remark } from './service-words.ts';
import type { TakenService } from './taken-service.ts';

/**
 * Who gets people's requests, and who only those of other services. One service can get every request; where several
 * publish ports and `x-holdpoint` does not say who has which paths, it is the first that no other service calls.
 */
export function reached(all: readonly TakenService[]): TakenService[] {
  const called = new Set(all.flatMap((service) => calledBy(service)));
  const web = all.filter(({ words }) => words.kind === 'web' && words.paths === undefined);
  const front = web.find(({ name }) => !called.has(name)) ?? web[0];
  return all.map((service) => {
    const { name, words, said, remarks } = service;
    if (called.has(name)) {
      const { port, remarks: others } = portOfCalls(service, all);
      // Called, it is replaced together with its callers: a web service of the same release.
      const isInner = words.kind === 'agent' && said.kind === undefined;
      const inner: Mapping = isInner ? { kind: 'web', paths: said.paths ?? [] } : {};
      return behind({ ...service, words: { ...words, ...inner, ...port }, remarks: [...remarks, ...others] });
    }
    // Paths are those of a web service, whether or not it publishes a port.
    const hasPaths = words.kind === 'agent' && said.kind === undefined && said.paths !== undefined;
    return behind(hasPaths ? { ...service, words: { ...words, kind: 'web' } } : service);
  });

  function behind(service: TakenService): TakenService {
    if (front === undefined || service.name === front.name || !web.some(({ name }) => name === service.name))
      return service;
    const remark: Remark = {
      path: ['services', service.name],
      what: `services.${service.name}: its published port`,
      because: `people reach ${front.name} at the one port that Holdpoint publishes: give \`x-holdpoint: { paths: [/PATH] }\` for the requests that are to go to ${service.name}`,
    };
    return { ...service, words: { ...service.words, paths: [] }, remarks: [...service.remarks, remark] };
  }
}

const nameIn = (to: unknown): string => serviceAddress(String(to)).service;

const calledBy = ({ words }: TakenService): string[] =>
  isMapping(words.addresses) ? Object.values(words.addresses).map(nameIn) : [];

/** A service that says nothing of its port listens on the one that it is called at. */
function portOfCalls({ name, words }: TakenService, all: readonly TakenService[]) {
  const calls = all.flatMap((from) =>
    from.environment.calls.filter(({ to }) => nameIn(to) === name).map((call) => ({ ...call, from: from.name })),
  );
  const [first] = calls;
  if (first === undefined || words.port !== undefined || words.portVariable !== undefined)
    return { port: {}, remarks: [] };
  const remarks = calls
    .filter(({ port }) => port !== first.port)
    .map(
      ({ from, variable, port, path }): Remark => ({
        path,
        what: `services.${from}: the variable ${variable}`,
        because: `it names port ${port} of ${name}, and a service has one port here: ${first.port}`,
      }),
    );
  return { port: { port: first.port }, remarks };
}
