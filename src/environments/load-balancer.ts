import { caddy, type Door, slotFile } from '../parts/caddy.ts';
import { carryOut } from '../parts/part.ts';
import { otherSlot, type Slot } from '../runtimes/unit.ts';
import { ensureCertificates } from './certificates.ts';
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
      publicPort: ports.https,
      previewPort: ports.preview,
      metricsPort: ports.loadBalancerMetrics,
      slots: { blue: addresses('blue'), green: addresses('green') },
      fronts: metricsFronts(environment),
      tls: { ...server, authority },
    },
    runtime.place,
  );
}

/** What speaks no TLS itself and is scraped: mtail, and each service that has metrics, by the name of its unit. */
export function metricsFronts(environment: Environment): { readonly prefix: string; readonly address: string }[] {
  const { app, ports, runtime } = environment;
  const services = app.services.filter((s) => s.metricsPath !== undefined);
  return [
    { prefix: 'mtail', address: runtime.place.address('mtail', ports.mtail) },
    { prefix: 'unit-exporter', address: runtime.place.address('unit-exporter', ports.unitExporter) },
    ...services.flatMap((service) =>
      (service.kind === 'web' ? (['blue', 'green'] as const) : ([undefined] as const)).flatMap((slot) =>
        Array.from({ length: service.instances }, (_, i) => {
          const name = unitName(service, slot, i);
          return { prefix: name, address: runtime.place.address(name, ports.service(service.name, slot, i)) };
        }),
      ),
    ),
  ];
}

/** Starts the load balancer, or leaves the one that runs as described alone. */
export async function bringUpLoadBalancer(environment: Environment): Promise<void> {
  await carryOut(environment.runtime, await loadBalancerPart(environment));
}

async function leadTo(environment: Environment, door: Door, slot: Slot): Promise<void> {
  const { runtime } = environment;
  await runtime.put([slotFile(door, slot)]);
  const { store, path } = slotFile(door, otherSlot(slot));
  await runtime.erase(store, path);
}

/** From the next request on, the front door leads to the slot. */
export const sendTrafficTo = (environment: Environment, slot: Slot): Promise<void> =>
  leadTo(environment, 'public', slot);

/** The second door leads to the slot; the front door is not touched. */
export const previewSlot = (environment: Environment, slot: Slot): Promise<void> =>
  leadTo(environment, 'preview', slot);
