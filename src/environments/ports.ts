import type { App, EnvironmentSettings, Service } from '../config/app.ts';
import { PORTS_PER_ENVIRONMENT } from '../config/schema/environments.ts';
import { DOORS_OF_SERVICE, portsOfSlot, slotCount } from '../config/service-ports.ts';
import type { Slot } from '../runtimes/unit.ts';

/** The ports of the parts, in the order in which they follow the environment's first port. */
const PARTS = [
  'postgres',
  'prometheus',
  'alertmanager',
  'nodeExporter',
  'postgresExporter',
  'unitExporter',
  'mtail',
  'blackboxExporter',
  /** The load balancer's second door, which leads to the candidate before anybody else is sent there. */
  'preview',
  'loadBalancerInner',
  'redis',
  'redisExporter',
  /** A restored copy of the database while it is looked at. */
  'restored',
  /** Where the alert arrives that is provoked to prove delivery. */
  'alertReceiver',
] as const;

export type PartPort = (typeof PARTS)[number];

/** Whom a door for services leads to: the instances of one slot, or those that serve people. */
export type Behind = Slot | 'live';

const BEHIND: readonly Behind[] = ['blue', 'green', 'live'];

/** Each port of an environment, by what listens there. All on 127.0.0.1. */
export type PortPlan = { readonly https: number } & Readonly<Record<PartPort, number>> & {
    /** Port of one instance of a service. Agents have one slot; web services have two, so that both can run at once. */
    service(name: string, slot: Slot | undefined, instance: number): number;
    /** Port of the load balancer behind which other services reach a service. An agent, which has no slots, has `live` alone. */
    inward(name: string, behind: Behind): number;
    /** Every port with what it is for, in ascending order. */
    all(): readonly { readonly port: number; readonly what: string }[];
  };

/**
 * Fixed by the description alone, so that a restart, a second release and the documents all name the same ports. A slot
 * of a service has a block with room for more instances: a release with two where one ran finds the old one, which
 * still serves, at its port, and nothing of itself on it. The doors between services lie at the other end, from the
 * last port but one downwards, so that a service more moves none of them.
 */
export function portPlan(app: App, settings: EnvironmentSettings): PortPlan {
  const parts = Object.fromEntries(PARTS.map((name, i) => [name, settings.firstPort + i])) as Record<PartPort, number>;
  const first = new Map<string, number>();
  let next = settings.firstPort + PARTS.length;
  for (const service of app.services) {
    first.set(service.name, next);
    next += portsOfSlot(service) * slotCount(service);
  }
  const indexOf = (name: string): number => {
    const index = app.services.findIndex((s) => s.name === name);
    if (index < 0) throw new RangeError(`${name} is no service of ${app.name}`);
    return index;
  };
  const service = (name: string, slot: Slot | undefined, instance: number): number => {
    const found = app.services[indexOf(name)];
    return (first.get(name) ?? 0) + (found && slot === 'green' ? portsOfSlot(found) : 0) + instance;
  };
  const highestDoor = settings.firstPort + PORTS_PER_ENVIRONMENT - 2;
  const inward = (name: string, behind: Behind): number =>
    highestDoor - DOORS_OF_SERVICE * indexOf(name) - BEHIND.indexOf(behind);
  return {
    https: settings.httpsPort,
    ...parts,
    service,
    inward,
    all: () =>
      [
        { port: settings.httpsPort, what: 'load balancer' },
        ...PARTS.map((name) => ({ port: parts[name], what: name })),
        ...app.services.flatMap((s) =>
          slots(s).flatMap((slot) =>
            Array.from({ length: s.instances }, (_, i) => ({
              port: service(s.name, slot, i),
              what: `${s.name}${slot ? ` ${slot}` : ''} ${i + 1}`,
            })),
          ),
        ),
        ...app.services.flatMap((s) =>
          doorsOf(s).map((behind) => ({
            port: inward(s.name, behind),
            what: `${s.name} ${behind}, for other services`,
          })),
        ),
      ].sort((a, b) => a.port - b.port),
  };
}

const slots = (service: Service): readonly (Slot | undefined)[] =>
  service.kind === 'web' ? ['blue', 'green'] : [undefined];

/** The doors by which other services reach it. */
export const doorsOf = (service: Pick<Service, 'kind'>): readonly Behind[] =>
  service.kind === 'web' ? BEHIND : ['live'];
