import { caddy, switchTo } from '../parts/caddy.ts';
import { carryOut } from '../parts/part.ts';
import type { Slot } from '../runtimes/unit.ts';
import { ensureCertificates } from './certificates.ts';
import { expectSuccess } from './database.ts';
import type { Environment } from './environment.ts';
import { unitName } from './service-units.ts';

export async function loadBalancerPart(environment: Environment) {
  const { app, ports, runtime, settings } = environment;
  const { authority, server } = await ensureCertificates(environment);
  const web = app.services.filter((s) => s.kind === 'web');
  const addresses = (slot: Slot) =>
    web.flatMap((s) =>
      Array.from({ length: s.instances }, (_, i) =>
        runtime.place.address(unitName(s, slot, i), ports.service(s.name, slot, i)),
      ),
    );
  return caddy(
    {
      hostname: settings.hostname,
      ports: { https: ports.https, preview: ports.preview, inner: ports.loadBalancerInner },
      upstreams: { blue: addresses('blue'), green: addresses('green') },
      scraped: scrapedThroughInnerDoor(environment),
      tls: { ...server, authority },
    },
    runtime.place,
  );
}

/** What speaks no TLS itself and is scraped: mtail, the unit exporter, and each service that has metrics. */
function scrapedThroughInnerDoor({ app, ports, runtime }: Environment) {
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
          return { name, address: place.address(name, ports.service(service.name, slot, i)), path };
        }),
      );
    }),
  ];
}

/** Starts the load balancer, or leaves the one that runs as described alone. */
export async function bringUpLoadBalancer(environment: Environment): Promise<void> {
  await carryOut(environment.runtime, await loadBalancerPart(environment));
}

/** From the next request on, the front door leads to the slot, and the second door to the other one. */
export async function sendTrafficTo(environment: Environment, slot: Slot): Promise<void> {
  const { runtime } = environment;
  expectSuccess(await runtime.job(switchTo(slot, runtime.place)), 'the traffic could not be switched', environment);
}
