import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { ensureCertificates } from '../../src/environments/certificates.ts';
import { systemClock } from '../../src/evidence/units.ts';
import { createAuthority, issueLeaf } from '../../src/parts/certificates.ts';
import type { Fault } from './fault.ts';

/** Puts a TLS server of our own in the place of the pre-flight environment's load balancer. */
export const otherDoor =
  (shows: 'its own certificate' | 'a foreign certificate', settings: SecureContextOptions): Fault['plant'] =>
  async (ground) => {
    const environment = await ground.world.preflight(ground.attempt());
    const { certificate, key } =
      shows === 'its own certificate'
        ? (await ensureCertificates(environment)).server
        : await issueLeaf(await createAuthority('Somebody else', systemClock()), {
            hostnames: ['elsewhere.test'],
            uses: ['server'],
            now: systemClock(),
          });
    const server = createServer({ cert: certificate, key, ...settings }, (_request, response) => response.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const https = (server.address() as AddressInfo).port;
    const moved = { ...environment, ports: { ...environment.ports, https } };
    return {
      world: { ...ground.world, preflight: async () => moved },
      unplant: async () => {
        server.closeAllConnections();
        server.close();
      },
    };
  };
