import { once } from 'node:events';
import { createServer, request as plainRequest, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, portAt, temporaryRuntime } from '../../test/runtimes/temporary.ts';
import { systemClock } from '../evidence/units.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Slot } from '../runtimes/unit.ts';
import { type Backend, type CaddySettings, caddy, checkCaddy, type LiveSlot, reloadCaddy, switchTo } from './caddy.ts';
import { createAuthority, issueLeaf } from './certificates.ts';
import { carryOut } from './part.ts';

type Answer = { readonly status: number; readonly body: string };

/** Instances that say who they are and what they were asked. */
const NAMES = ['pages-blue', 'pages-green', 'api-blue', 'api-green', 'admin-blue', 'admin-green', 'agent'] as const;

describe('several services behind the load balancer', () => {
  let runtime: Runtime;
  let close: () => Promise<void>;
  let ca: string;
  let ports: readonly number[];
  const servers: Server[] = [];
  // A connection of its own for each request: no answer comes over one that was made before a switch.
  const agent = new Agent({ keepAlive: false });

  beforeAll(async () => {
    ({ runtime, close } = await temporaryRuntime());
    ports = await freePorts(3 + 4 + NAMES.length);
    for (const [i, name] of NAMES.entries()) {
      const server = createServer((asked, answer) => answer.end(`${name} ${asked.url}`));
      servers.push(server.listen(portAt(ports, 7 + i), '127.0.0.1'));
      await once(server, 'listening');
    }
    const authority = await createAuthority('test', systemClock());
    ca = authority.certificate;
    const leaf = await issueLeaf(authority, { hostnames: ['app.test'], uses: ['server'], now: systemClock() });
    await carryOut(runtime, caddy(settings({ ...leaf, authority: ca }, 'rest'), runtime.place));
    // Refused until it listens: who never answers is an error after the last try.
    for (let tries = 0; (await get(0, '/').catch(() => undefined)) === undefined; tries++) {
      if (tries > 200) throw new Error('the load balancer does not answer');
      await sleep(50);
    }
  });
  afterAll(async () => {
    agent.destroy();
    await close();
    for (const server of servers) server.close();
  });

  const at = (name: (typeof NAMES)[number]) => [`127.0.0.1:${portAt(ports, 7 + NAMES.indexOf(name))}`];
  const backends = (slot: Slot, pages: Backend['paths']): Backend[] => [
    { service: 'api', paths: ['/api', '/api/admin/health'], upstreams: at(`api-${slot}`) },
    { service: 'admin', paths: ['/api/admin'], upstreams: at(`admin-${slot}`) },
    { service: 'pages', paths: pages, upstreams: at(`pages-${slot}`) },
  ];
  function settings(tls: CaddySettings['tls'], pages: Backend['paths']): CaddySettings {
    const api = { blue: at('api-blue'), green: at('api-green') };
    return {
      hostname: 'app.test',
      ports: { https: portAt(ports, 0), preview: portAt(ports, 1), inner: portAt(ports, 2) },
      backends: { blue: backends('blue', pages), green: backends('green', 'rest') },
      inward: [
        { service: 'api', port: portAt(ports, 3), to: { kind: 'fixed', behind: 'blue', upstreams: at('api-blue') } },
        { service: 'api', port: portAt(ports, 4), to: { kind: 'fixed', behind: 'green', upstreams: at('api-green') } },
        { service: 'api', port: portAt(ports, 5), to: { kind: 'live', upstreams: api } },
        { service: 'agent', port: portAt(ports, 6), to: { kind: 'fixed', behind: 'live', upstreams: at('agent') } },
      ],
      scraped: [],
      fronted: [],
      tls,
    };
  }

  const get = (door: number, path: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const isPublic = door < 3;
      const where = { host: '127.0.0.1', port: portAt(ports, door), path };
      const sent = isPublic ? request({ ...where, servername: 'app.test', ca, agent }) : plainRequest({ ...where });
      sent.on('error', reject).on('response', async (answer) => {
        let body = '';
        for await (const part of answer) body += String(part);
        resolve({ status: answer.statusCode ?? 0, body });
      });
      sent.end();
    });
  const says = async (door: number, path: string) => (await get(door, path)).body.trim();
  const switched = async (to: LiveSlot) =>
    expect(await runtime.job(switchTo(to, runtime.place))).toMatchObject({ kind: 'exited', code: 0 });

  it('are a configuration that Caddy itself accepts', async () => {
    expect(await runtime.job(checkCaddy(runtime.place))).toMatchObject({ kind: 'exited', code: 0 });
  });

  it.each([
    ['/', 'pages'],
    ['/apiary', 'pages'],
    ['/api', 'api'],
    ['/api/', 'api'],
    ['/api/orders?page=2', 'api'],
    ['/api/admin/users', 'admin'],
    ['/api/administrators', 'api'],
    ['/api/admin/health', 'api'],
    ['/api%2Fadmin', 'admin'],
  ])('a request for %s goes to %s, in the slot that is live', async (path, service) => {
    await switched('blue');
    expect(await says(0, path)).toBe(`${service}-blue ${path}`);
    expect(await says(1, path)).toBe(`${service}-green ${path}`);
    await switched('green');
    expect(await says(0, path)).toBe(`${service}-green ${path}`);
    expect(await says(1, path)).toBe(`${service}-blue ${path}`);
  });

  it('reach one another at a door of their slot, or at one that follows the traffic', async () => {
    await switched('blue');
    expect(await Promise.all([3, 4, 5, 6].map((door) => says(door, '/v1/prices?of=3')))).toEqual([
      'api-blue /v1/prices?of=3',
      'api-green /v1/prices?of=3',
      'api-blue /v1/prices?of=3',
      'agent /v1/prices?of=3',
    ]);
    await switched('green');
    expect(await says(5, '/')).toBe('api-green /');
    await switched('none');
    expect((await get(5, '/')).status).toBe(503);
    expect(await says(3, '/')).toBe('api-blue /');
  });

  it('answer 404 where no service has a path, once one is live', async () => {
    await switched('none');
    const tls = settings({ certificate: '', key: '', authority: '' }, ['/pages']);
    const { files } = caddy(tls, runtime.place);
    await runtime.put(files.filter(({ path }) => path === 'caddy.json'));
    expect(await runtime.job(reloadCaddy(runtime.place))).toMatchObject({ kind: 'exited', code: 0 });
    expect((await get(0, '/elsewhere')).status).toBe(503);
    await switched('blue');
    expect(await get(0, '/elsewhere')).toEqual({ status: 404, body: 'No service has this path.\n' });
    expect(await says(0, '/pages/1')).toBe('pages-blue /pages/1');
    // The other slot has other paths, from the moment at which it is live, and before that at the second door.
    expect(await says(1, '/elsewhere')).toBe('pages-green /elsewhere');
    await switched('green');
    expect(await says(0, '/elsewhere')).toBe('pages-green /elsewhere');
    expect((await get(1, '/elsewhere')).status).toBe(404);
  });
});
