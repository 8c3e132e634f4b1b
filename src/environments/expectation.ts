import { readFile } from 'node:fs/promises';
import type { HttpExpectation, Service } from '../config/app.ts';
import type { Address } from '../hosts/host.ts';
import type { Exchange, HttpRequest } from '../probes/exchange.ts';
import type { Expectation, HttpTarget } from '../probes/http.ts';
import { match, observe } from '../probes/http.ts';
import type { Slot } from '../runtimes/unit.ts';
import { authorityFile } from './certificates.ts';
import { doorUrl, type Environment, reach } from './environment.ts';
import { portOfInstance, unitName } from './service-units.ts';

/** What holdpoint.yaml says of a request and its answer, as the probes want it. */
export function requestOf(asked: HttpExpectation): HttpRequest {
  return {
    method: asked.method,
    path: asked.path,
    headers: asked.headers,
    ...(asked.body === undefined ? {} : { body: asked.body }),
  };
}

export function expectationOf(asked: HttpExpectation): Expectation {
  return {
    status: asked.status,
    ...(asked.contentType === undefined ? {} : { type: asked.contentType }),
    ...(asked.contains === undefined ? {} : { body: { contains: asked.contains } }),
  };
}

/** Undefined where the answer is as expected; else what was different, in a sentence. */
export async function difference(target: HttpTarget, asked: HttpExpectation): Promise<string | undefined> {
  const { exchange } = await observe(target, requestOf(asked));
  return differenceIn(exchange, asked);
}

/** The same of an exchange that was seen already. */
export function differenceIn(exchange: Exchange, asked: HttpExpectation): string | undefined {
  const found = match(exchange, expectationOf(asked));
  switch (found.kind) {
    case 'matches':
      return undefined;
    case 'differs':
      return found.differences.join('; ');
    case 'no answer':
      return found.reason;
  }
}

/** One instance of a service, asked directly. */
export const instanceTarget = ({ host, port }: Address): HttpTarget => ({
  baseUrl: `http://${host}:${port}`,
  timeoutMs: 5_000,
});

/** The same by name; undefined while it does not run. A service's agents have no slot. */
export async function instanceNamed(
  environment: Environment,
  service: Service,
  slot: Slot | undefined,
  instance: number,
): Promise<HttpTarget | undefined> {
  const port = portOfInstance(environment, service, slot, instance);
  const address = await reach(environment, unitName(service, slot, instance), port);
  return address && instanceTarget(address);
}

/** Where people reach the app, and the file with the CA that its certificate is checked against; absent: Node's own. */
export type PublicDoor = { readonly baseUrl: string; readonly caFile?: string };

/** Somebody else's load balancer, where the app of the environment has one, stands before ours. */
export async function publicDoor(
  environment: Environment,
  which: 'public' | 'preview' = 'public',
): Promise<PublicDoor> {
  const { loadBalancer } = environment.app;
  if (which === 'preview' || loadBalancer === undefined)
    return { baseUrl: await doorUrl(environment, which), caFile: authorityFile(environment) };
  const { url, caFile } = loadBalancer;
  return { baseUrl: url, ...(caFile === undefined ? {} : { caFile }) };
}

/** The whole app, as people reach it, or the slot that is not live yet. */
export async function publicTarget(environment: Environment, which?: 'public' | 'preview'): Promise<HttpTarget> {
  const { baseUrl, caFile } = await publicDoor(environment, which);
  return { baseUrl, timeoutMs: 10_000, ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }) };
}

/** What shows best that an instance can serve: its readiness, else its health; undefined where the app declares neither. */
export const readinessOf = (service: Service): HttpExpectation | undefined => service.readiness ?? service.health;
