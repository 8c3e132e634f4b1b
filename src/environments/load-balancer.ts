import type { Service } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import type { Milliseconds } from '../evidence/units.ts';
import { caddy, type InwardDoor, reloadCaddy, switchTo, TAKEN_UP, takenUpFile, untilDrained } from '../parts/caddy.ts';
import { carryOut, contentDigest } from '../parts/part.ts';
import type { Slot } from '../runtimes/unit.ts';
import { ensureCertificates } from './certificates.ts';
import { expectSuccess } from './database.ts';
import type { Environment } from './environment.ts';
import { doorsOf } from './ports.ts';
import { readRecord } from './record.ts';
import { portOfInstance, unitName, webServices } from './service-units.ts';

export async function loadBalancerPart(environment: Environment) {
  const { ports, runtime, settings } = environment;
  const { authority, server } = await ensureCertificates(environment);
  return caddy(
    {
      hostname: settings.hostname,
      ports: { https: ports.https, preview: ports.preview, inner: ports.loadBalancerInner },
      backends: webServices(environment).map((service) => ({
        service: service.name,
        paths: service.paths,
        upstreams: upstreamsBySlot(environment, service),
      })),
      inward: inwardDoors(environment),
      scraped: scrapedThroughInnerDoor(environment),
      fronted: fronted(environment),
      tls: { ...server, authority },
    },
    runtime.place,
  );
}

/** Where each unit has a network of its own, people come to the monitoring servers through the load balancer alone. */
function fronted({ ports, runtime }: Environment) {
  if (runtime.abilities.isolation.kind === 'cannot') return [];
  const front = (name: string, port: number) => ({ name, port, address: runtime.place.address(name, port) });
  return [front('prometheus', ports.prometheus), front('alertmanager', ports.alertmanager)];
}

/** Every instance that a slot of a service may have, with its port. */
const instancesOf = (environment: Environment, service: Service, slot: Slot | undefined) =>
  Array.from({ length: service.instances }, (_, i) => ({
    unit: unitName(service, slot, i),
    port: portOfInstance(environment, service, slot, i),
  }));

const upstreams = (environment: Environment, service: Service, slot: Slot | undefined): string[] =>
  instancesOf(environment, service, slot).map(({ unit, port }) => environment.runtime.place.address(unit, port));

const upstreamsBySlot = (environment: Environment, service: Service) => ({
  blue: upstreams(environment, service, 'blue'),
  green: upstreams(environment, service, 'green'),
});

/** Every service has its doors, called or not: a release that calls one less must not cut off the one before it. */
const inwardDoors = (environment: Environment): InwardDoor[] =>
  environment.app.services.flatMap((service) =>
    doorsOf(service).map((behind): InwardDoor => {
      const door = { service: service.name, port: environment.ports.inward(service.name, behind) };
      if (behind !== 'live')
        return { ...door, to: { kind: 'fixed', behind, upstreams: upstreams(environment, service, behind) } };
      return service.kind === 'web'
        ? { ...door, to: { kind: 'live', upstreams: upstreamsBySlot(environment, service) } }
        : { ...door, to: { kind: 'fixed', behind, upstreams: upstreams(environment, service, undefined) } };
    }),
  );

/** What speaks no TLS itself and is scraped: mtail, the unit exporter, and each service that has metrics. */
function scrapedThroughInnerDoor(environment: Environment) {
  const { app, ports, runtime } = environment;
  const { place } = runtime;
  return [
    { name: 'mtail', address: place.address('mtail', ports.mtail), path: '/metrics' },
    { name: 'unit-exporter', address: place.address('unit-exporter', ports.unitExporter), path: '/metrics' },
    ...app.services.flatMap((service) => {
      const path = service.metricsPath;
      if (path === undefined) return [];
      return (service.kind === 'web' ? (['blue', 'green'] as const) : ([undefined] as const)).flatMap((slot) =>
        Array.from({ length: service.instances }, (_, i) => {
          const name = unitName(service, slot, i);
          return { name, address: place.address(name, portOfInstance(environment, service, slot, i)), path };
        }),
      );
    }),
  ];
}

/**
 * Starts the load balancer, or leaves the one that runs as described alone. One that runs with another certificate or
 * other instances is told to take up the new ones: what it has is noted beside its configuration, so that a crash
 * between the change and the word is made good by the next call.
 */
export async function bringUpLoadBalancer(environment: Environment): Promise<void> {
  const { runtime } = environment;
  await refuseToCutOff(environment);
  const part = await loadBalancerPart(environment);
  const digest = contentDigest(part.files);
  const before = await runtime.inspect('caddy');
  const noted = await runtime.read(TAKEN_UP.store, TAKEN_UP.path);
  await carryOut(runtime, part);
  if (noted !== undefined && Buffer.from(noted).toString() === digest) return;
  const after = await runtime.inspect('caddy');
  if (before.kind === 'running' && after.kind === 'running' && before.pid === after.pid)
    expectSuccess(
      await runtime.job(reloadCaddy(runtime.place)),
      'the load balancer could not take up its configuration',
      environment,
    );
  await runtime.put([takenUpFile(digest)]);
}

/** A configuration that names no port any more at which a live service runs would answer everybody with 502. */
async function refuseToCutOff(environment: Environment): Promise<void> {
  const { live } = await readRecord(environment);
  if (!live) return;
  const named = new Set(webServices(environment).flatMap((s) => upstreams(environment, s, live.slot)));
  const running = (await environment.runtime.list())
    .filter(({ unit, state }) => unit.role === 'web' && unit.slot === live.slot && state.kind === 'running')
    .map(({ unit }) => unit);
  for (const service of new Set(running.map((unit) => unit.of))) {
    const addresses = running
      .filter((unit) => unit.of === service)
      .flatMap((unit) => unit.ports.map((p) => environment.runtime.place.address(unit.name, p.number)));
    if (addresses.length === 0 || addresses.some((address) => named.has(address))) continue;
    fail({
      kind: 'conflict',
      what: `${service} is live at ${addresses.join(', ')}, where the load balancer would look for it no more`,
      where: environment.name,
      next: 'name new services below those that run in holdpoint.yaml, or take the app down first (`holdpoint down`)',
    });
  }
}

/** From the next request on, the front door leads to the slot, and the second door to the other one. */
export async function sendTrafficTo(environment: Environment, slot: Slot): Promise<void> {
  const { runtime } = environment;
  expectSuccess(await runtime.job(switchTo(slot, runtime.place)), 'the traffic could not be switched', environment);
}

/** Waits until no request is on its way to a slot any more. What is left after `within` is cut off with its instance. */
export async function drainSlot(environment: Environment, slot: Slot, within: Milliseconds): Promise<void> {
  const { runtime } = environment;
  if ((await runtime.inspect('caddy')).kind !== 'running') return;
  const running = (await runtime.list()).filter(({ unit, state }) => unit.slot === slot && state.kind === 'running');
  const addresses = running.flatMap(({ unit }) => unit.ports.map((p) => runtime.place.address(unit.name, p.number)));
  if (addresses.length > 0) await runtime.job(untilDrained(slot, addresses, within, runtime.place));
}
