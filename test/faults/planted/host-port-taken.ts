import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Fault } from '../fault.ts';

export const hostPortTaken: Fault = {
  name: 'a port is taken',
  plants: 'another server listens on one of the ports of production',
  needs: 'nothing',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.1/host', objectives: ['ports'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const server = createServer().listen(world.production.ports.restored, '127.0.0.1');
    await once(server, 'listening');
    return { world, unplant: async () => void server.close() };
  },
};
