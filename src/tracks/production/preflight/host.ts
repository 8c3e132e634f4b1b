import { hostPorts } from '../../../environments/environment.ts';
import { packagesFor } from '../../../environments/packages.ts';
import { ownPorts } from '../../../environments/routing.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { days, seconds } from '../../../evidence/units.ts';
import { missingPackages } from '../../../hosts/packages.ts';
import type { Step } from '../../../plan/step.ts';
import { APPLIES, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';
import { LIMITS_NOT_ENFORCED, memoryLimits } from './memory-limits.ts';

/** Postgres, Prometheus and the builds need room to breathe; our own bound. */
const ROOM = 2 * 1024 ** 3;

/** The host has what production needs: packages, free ports, room on the disk. */
export const host = (world: World): Step => ({
  id: 'A.1/host',
  task: 'A.1',
  title: 'The host has the packages, ports and room',
  needs: ['A.1/prepare'],
  inputs: { production: world.inputs.production, holdpoint: world.inputs.holdpoint },
  applies: APPLIES,
  tokens: [],
  estimate: seconds(1),
  objectives: [
    ask({
      id: 'packages',
      metric: 'host.packages-missing',
      is: ['==', 0, 'count'],
      source: 'plan A.1: the host is prepared',
    }),
    ask({
      id: 'ports',
      metric: 'host.ports-taken',
      is: ['==', 0, 'count'],
      source: 'plan A.1: the ports are free',
      maximumAge: days(1),
    }),
    ask({
      id: 'room',
      metric: 'host.free-bytes',
      is: ['>=', ROOM, 'bytes'],
      source: 'our own bound: 2 GiB',
      maximumAge: days(1),
    }),
    ask({
      id: 'memory-limits',
      metric: LIMITS_NOT_ENFORCED,
      is: ['==', 0, 'count'],
      source: 'what holdpoint.yaml says of memory is a limit',
      gate: 'inform',
      maximumAge: days(1),
    }),
  ],
  retry: { kind: 'never' },
  async run() {
    const { production } = world;
    const note = notebook(production.host.name, world.clock);
    const needs = packagesFor(world.app, production.runtime.kind);
    const missing = await missingPackages(production.host, needs);
    const own = await ownPorts(production);
    const ports = hostPorts(production);
    const taken: string[] = [];
    for (const { port, what } of ports) {
      const state = own.has(port) ? ({ kind: 'free' } as const) : await production.host.portState(port);
      if (state.kind === 'taken')
        taken.push(
          `${port} (${what}) is held by ${state.by ? `${state.by.program}, pid ${state.by.pid}` : 'somebody'}`,
        );
    }
    const room = await production.host.freeBytes('/var/lib');
    return [
      note({
        metric: 'host.packages-missing',
        unit: 'count',
        observed: exactly(missing.length, Math.max(1, needs.length)),
        method: {
          kind: 'command',
          text:
            needs.length > 0 ? `dpkg-query: ${needs.map((n) => n.package).join(', ')}` : 'packages are in the images',
        },
        note: missing.join(', ') || undefined,
      }),
      note({
        metric: 'host.ports-taken',
        unit: 'count',
        observed: exactly(taken.length, ports.length),
        method: { kind: 'request', text: 'bind of each port on 127.0.0.1' },
        note: taken[0],
      }),
      note({
        metric: 'host.free-bytes',
        unit: 'bytes',
        observed: exactly(room, 1),
        method: { kind: 'file', text: `statfs ${production.folder}` },
      }),
      note({
        metric: LIMITS_NOT_ENFORCED,
        unit: 'count',
        ...memoryLimits(production.runtime.abilities['memory-limit'], world.app),
      }),
    ];
  },
});
