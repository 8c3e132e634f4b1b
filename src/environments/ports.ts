import type { App, EnvironmentSettings, Service } from '../config/app.ts';
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

/** Each port of an environment, by what listens there. All on 127.0.0.1. */
export type PortPlan = { readonly https: number } & Readonly<Record<PartPort, number>> & {
    /** Port of one instance of a service. Agents have one slot; web services have two, so that both can run at once. */
    service(name: string, slot: Slot | undefined, instance: number): number;
    /** Every port with what it is for, in ascending order. */
    all(): readonly { readonly port: number; readonly what: string }[];
  };

/**
 * Fixed by the description alone, so that a restart, a second release and the documents all name the same ports. A slot
 * of a service has a block with room for more instances: a release with two where one ran finds the old one, which
 * still serves, at its port, and nothing of itself on it.
 */
export function portPlan(app: App, settings: EnvironmentSettings): PortPlan {
  const parts = Object.fromEntries(PARTS.map((name, i) => [name, settings.firstPort + i])) as Record<PartPort, number>;
  const first = new Map<string, number>();
  let next = settings.firstPort + PARTS.length;
  for (const service of app.services) {
    first.set(service.name, next);
    next += blockOf(service) * slots(service).length;
  }
  const service = (name: string, slot: Slot | undefined, instance: number): number => {
    const found = app.services.find((s) => s.name === name);
    const start = first.get(name);
    if (!found || start === undefined) throw new RangeError(`${name} is no service of ${app.name}`);
    return start + (slot === 'green' ? blockOf(found) : 0) + instance;
  };
  return {
    https: settings.httpsPort,
    ...parts,
    service,
    all: () => [
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
    ],
  };
}

/** 4 ports, or the power of two that holds all instances. */
const blockOf = ({ instances }: Service): number => Math.max(4, 2 ** Math.ceil(Math.log2(instances)));

const slots = (service: Service): readonly (Slot | undefined)[] =>
  service.kind === 'web' ? ['blue', 'green'] : [undefined];
