import type { Service } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import type { Backend, InwardDoor } from '../parts/caddy.ts';
import type { Slot } from '../runtimes/unit.ts';
import type { Environment } from './environment.ts';
import { doorsOf } from './ports.ts';
import { readRecord } from './record.ts';
import type { Routing } from './routed-service.ts';
import { portOfInstance, unitName } from './service-units.ts';

const SLOTS: readonly Slot[] = ['blue', 'green'];

/** What the app says now. Agents, which have no slots, are in both. */
export const routingOf = (environment: Environment, slot: Slot): Routing =>
  environment.app.services.map((service) => {
    const { name, kind, paths } = service;
    const { inward } = environment.ports;
    return {
      service: name,
      kind,
      paths,
      upstreams: addresses(environment, service, kind === 'web' ? slot : undefined),
      doors: { slot: doorsOf(service).includes(slot) ? inward(name, slot) : undefined, live: inward(name, 'live') },
    };
  });

function addresses(environment: Environment, service: Service, slot: Slot | undefined): string[] {
  return Array.from({ length: service.instances }, (_, i) =>
    environment.runtime.place.address(unitName(service, slot, i), portOfInstance(environment, service, slot, i)),
  );
}

/** The live slot as it was when it became live, and the other one as the app is now. */
export async function routingBySlot(environment: Environment): Promise<Readonly<Record<Slot, Routing>>> {
  const { live } = await readRecord(environment);
  const of = (slot: Slot) => (live?.slot === slot ? live.routing : undefined) ?? routingOf(environment, slot);
  return { blue: of('blue'), green: of('green') };
}

/** What people's requests can be answered by, in each slot. */
export const backendsIn = (routing: Routing): readonly Backend[] =>
  routing.filter(({ kind }) => kind === 'web').map(({ service, paths, upstreams }) => ({ service, paths, upstreams }));

/** Every service has its doors, called or not: a release that calls one less must not cut off the one before it. */
export function inwardDoors(bySlot: Readonly<Record<Slot, Routing>>): InwardDoor[] {
  const doors = new Map<number, InwardDoor>();
  for (const slot of SLOTS)
    for (const { service, kind, upstreams, doors: ports } of bySlot[slot]) {
      if (kind === 'agent' || ports.slot === undefined) {
        doors.set(ports.live, { service, port: ports.live, to: { kind: 'fixed', behind: 'live', upstreams } });
        continue;
      }
      doors.set(ports.slot, { service, port: ports.slot, to: { kind: 'fixed', behind: slot, upstreams } });
      const known = doors.get(ports.live);
      const others = known?.to.kind === 'live' ? known.to.upstreams : { blue: [], green: [] };
      doors.set(ports.live, {
        service,
        port: ports.live,
        to: { kind: 'live', upstreams: { ...others, [slot]: upstreams } },
      });
    }
  return [...doors.values()].sort((a, b) => a.port - b.port);
}

/**
 * What runs and what is called keeps its place: an address that would now be another service's would be answered by that.
 *
 * @throws ProblemError `conflict`
 */
export async function refuseToMove(environment: Environment): Promise<void> {
  const { live } = await readRecord(environment);
  if (!live) return;
  const { place } = environment.runtime;
  const door = (port: number) => place.address('caddy', port);
  const now = new Map<string, string>();
  for (const slot of SLOTS)
    for (const { service, upstreams, doors } of routingOf(environment, slot))
      for (const address of [...upstreams, door(doors.live), ...(doors.slot === undefined ? [] : [door(doors.slot)])])
        now.set(address, service);
  const running = (await environment.runtime.list()).filter(
    ({ unit, state }) => unit.role !== 'part' && state.kind === 'running',
  );
  const taken: [service: string, address: string][] = [
    ...running.flatMap(({ unit }) =>
      unit.ports.map((p): [string, string] => [unit.of, place.address(unit.name, p.number)]),
    ),
    ...(live.routing ?? []).flatMap(({ service, doors }) =>
      [doors.live, doors.slot].flatMap((port): [string, string][] =>
        port === undefined ? [] : [[service, door(port)]],
      ),
    ),
  ];
  for (const [service, address] of taken) {
    const other = now.get(address) ?? service;
    if (other !== service) refuse(environment, service, address, other);
  }
}

const refuse = (environment: Environment, service: string, address: string, other: string) =>
  fail({
    kind: 'conflict',
    what: `${service} is live at ${address}, which would now belong to ${other}`,
    where: environment.name,
    next: 'name new services below those that run in holdpoint.yaml, or take the app down first (`holdpoint down`)',
  });

/** Ports of the host that what runs of the environment holds itself, the doors of its load balancer among them. */
export async function ownPorts(environment: Environment): Promise<ReadonlySet<number>> {
  const running = (await environment.runtime.list()).filter(({ state }) => state.kind === 'running');
  const ofUnits = running.flatMap(({ unit }) => unit.ports.map(({ number }) => number));
  if (!running.some(({ unit }) => unit.of === 'caddy')) return new Set(ofUnits);
  return new Set([...ofUnits, ...inwardDoors(await routingBySlot(environment)).map(({ port }) => port)]);
}
