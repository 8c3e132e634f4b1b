import type { App, Service } from '../config/app.ts';
import { differenceFromWithin } from '../environments/asked-from-within.ts';
import type { Environment } from '../environments/environment.ts';
import { readinessOf } from '../environments/expectation.ts';
import { doorBetween, doorUrlOf } from '../environments/service-addresses.ts';
import { absent, exactly, type Measurement } from '../evidence/measurement.ts';
import type { Objective } from '../evidence/objective.ts';
import type { Slot } from '../runtimes/unit.ts';
import { ask } from './asking.ts';
import type { Notebook } from './observing.ts';

/** One service that calls another one by an address. */
export type Call = { readonly from: Service; readonly to: Service };

export const callsIn = ({ services }: App): Call[] =>
  services.flatMap((from) =>
    [...new Set(from.addresses.map(({ service }) => service))].flatMap((name) => {
      const to = services.find((service) => service.name === name);
      return to === undefined ? [] : [{ from, to }];
    }),
  );

/** Between web services, which belong to one slot; else an agent calls or is called. */
export const isWithinSlot = ({ from, to }: Call): boolean => from.kind === 'web' && to.kind === 'web';

export const callObjective = (source: string): Objective =>
  ask({ id: 'unreachable', metric: 'addresses.unreachable', is: ['==', 0, 'count'], source });

/** Asks each service that is called for its readiness, at the address that its callers are told and from their network. */
export async function observeCalls(
  environment: Environment,
  slot: Slot | undefined,
  calls: readonly Call[],
  note: Notebook,
  signal: AbortSignal,
): Promise<Measurement> {
  const failing: string[] = [];
  const silent: string[] = [];
  for (const { from, to } of calls) {
    const asked = readinessOf(to);
    if (asked === undefined) {
      silent.push(`${to.name} declares neither health nor readiness, so nothing tells whether ${from.name} reaches it`);
      continue;
    }
    const door = doorBetween(environment, from.kind === 'web' ? slot : undefined, to.name);
    const how = await differenceFromWithin(
      environment,
      `${doorUrlOf(environment, to.name, door)}${asked.path}`,
      asked,
      signal,
    );
    if (how !== undefined) failing.push(`${to.name}, as ${from.name} calls it: ${how}`);
  }
  const isKnown = failing.length > 0 || silent.length === 0;
  return note({
    metric: 'addresses.unreachable',
    unit: 'count',
    observed: isKnown ? exactly(failing.length, calls.length) : absent(silent[0] ?? ''),
    method: {
      kind: 'request',
      text: calls.map(({ from, to }) => `readiness of ${to.name} at the address that ${from.name} is told`).join(', '),
    },
    note: failing[0] ?? silent[0],
  });
}
