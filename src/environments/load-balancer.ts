import type { Milliseconds } from '../evidence/units.ts';
import { caddy, reloadCaddy, switchTo, TAKEN_UP, takenUpFile, untilDrained } from '../parts/caddy.ts';
import { carryOut, contentDigest } from '../parts/part.ts';
import type { Slot } from '../runtimes/unit.ts';
import { ensureCertificates } from './certificates.ts';
import { expectSuccess } from './database.ts';
import type { Environment } from './environment.ts';
import { backendsIn, inwardDoors, refuseToMove, routingBySlot } from './routing.ts';
import { portOfInstance, unitName } from './service-units.ts';

export async function loadBalancerPart(environment: Environment) {
  const { ports, runtime, settings } = environment;
  const { authority, server } = await ensureCertificates(environment);
  const routing = await routingBySlot(environment);
  return caddy(
    {
      hostname: settings.hostname,
      ports: { https: ports.https, preview: ports.preview, inner: ports.loadBalancerInner },
      backends: { blue: backendsIn(routing.blue), green: backendsIn(routing.green) },
      inward: inwardDoors(routing),
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
  await refuseToMove(environment);
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
