import type { HttpExpectation, Service } from '../config/app.ts';
import type { Address } from '../hosts/host.ts';
import type { HttpRequest } from '../probes/exchange.ts';
import type { Expectation, HttpTarget } from '../probes/http.ts';
import { match, observe } from '../probes/http.ts';
import type { Slot } from '../runtimes/unit.ts';
import { doorUrl, type Environment, reach } from './environment.ts';
import { unitName } from './service-units.ts';

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
  const port = environment.ports.service(service.name, slot, instance);
  const address = await reach(environment, unitName(service, slot, instance), port);
  return address && instanceTarget(address);
}

/** The whole app, through the load balancer and over TLS, trusting the environment's own authority alone. */
export async function publicTarget(
  environment: Environment,
  authority: string,
  which: 'public' | 'preview' = 'public',
): Promise<HttpTarget> {
  return { baseUrl: await doorUrl(environment, which), ca: authority, timeoutMs: 10_000 };
}

/** What shows best that an instance can serve: its readiness, else its health; undefined where the app declares neither. */
export const readinessOf = (service: Service): HttpExpectation | undefined => service.readiness ?? service.health;
