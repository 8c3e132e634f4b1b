import type { Service } from './app.ts';

/** What a service takes of its environment's ports. */
export type TakesPorts = Pick<Service, 'kind' | 'instances'>;

/** Web services have two slots, so that both can run at once; agents have one. */
export const slotCount = ({ kind }: Pick<Service, 'kind'>): number => (kind === 'web' ? 2 : 1);

/**
 * Ports of the instances of one slot: 4, or the power of two that holds all. With room for more, so that a release with
 * two instances where one ran finds the old one at its port.
 */
export const portsOfSlot = ({ instances }: TakesPorts): number => Math.max(4, 2 ** Math.ceil(Math.log2(instances)));

/** Doors of the load balancer behind which other services reach a service: one for each slot, and one for the live one. */
export const DOORS_OF_SERVICE = 3;

/** Ports of an environment that are left for services once every part has its own. */
export const PORTS_FOR_SERVICES = 85;

/** All ports that services take, instances and doors. */
export const portsOf = (services: readonly TakesPorts[]): number =>
  services.reduce((sum, service) => sum + slotCount(service) * portsOfSlot(service) + DOORS_OF_SERVICE, 0);
