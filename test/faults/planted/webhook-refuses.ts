import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fault } from '../fault.ts';
import { withApp } from '../ground.ts';

export const webhookRefuses: Fault = {
  name: 'a webhook that refuses',
  plants: 'the webhook answers 500',
  needs: 'production',
  pace: 'seconds',
  mustTurnRed: [{ step: 'A.2/webhook', objectives: ['refused'] }],
  mayTurnRed: [],
  staysGreen: [],
  plant: async ({ world }) => {
    const server = createServer((_request, response) => response.writeHead(500).end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    return {
      world: withApp(world, { notifications: [{ kind: 'webhook', url }] }),
      unplant: async () => {
        server.closeAllConnections();
        server.close();
      },
    };
  },
};
