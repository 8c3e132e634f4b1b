import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, portAt, temporaryRuntime } from '../../test/runtimes/temporary.ts';
import { seconds, systemClock } from '../evidence/units.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { otherSlot, type Slot, type Unit } from '../runtimes/unit.ts';
import { accessLog, type CaddySettings, caddy, checkCaddy, type LiveSlot, reloadCaddy, switchTo } from './caddy.ts';
import { LIVE_SLOT_PATH, scrapePath } from './caddy-configuration.ts';
import { createAuthority, issueLeaf } from './certificates.ts';
import { mtailProgram } from './mtail.ts';
import { carryOut, OF_PARTS } from './part.ts';
import { unitExporter, unitExporterProgram } from './unit-exporter-part.ts';

/** Answers slowly enough that requests are in flight whenever something is switched, and drains on SIGTERM. */
const UPSTREAM = `
const http = require('node:http');
const server = http.createServer((request, response) => {
  request.resume();
  setTimeout(() => response.end(JSON.stringify({ slot: process.env.SLOT, url: request.url, forwarded: request.headers['x-forwarded-proto'] })), 20);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => { server.close(() => process.exit(0)); setInterval(() => server.closeIdleConnections(), 20); });
`;

const upstream = (slot: Slot, port: number): Unit => ({
  name: `web-${slot}`,
  of: 'web',
  role: 'web',
  slot,
  software: OF_PARTS,
  mounts: [],
  networks: ['app'],
  command: ['node', '-e', UPSTREAM],
  environment: { SLOT: slot, PORT: String(port) },
  user: 'app',
  ports: [{ name: 'http', number: port }],
  stop: { signal: 'SIGTERM', grace: seconds(10) },
  restart: 'always',
});

type Answer = { readonly status: number; readonly body: string };

describe('the load balancer', () => {
  let runtime: Runtime;
  let close: () => Promise<void>;
  let settings: CaddySettings;
  let ca: string;
  let units: Readonly<Record<Slot, Unit>>;
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });

  beforeAll(async () => {
    const opened = await temporaryRuntime();
    ({ runtime, close } = opened);
    const ports = await freePorts(6);
    units = { blue: upstream('blue', portAt(ports, 3)), green: upstream('green', portAt(ports, 4)) };
    const now = systemClock();
    const authority = await createAuthority('test', now);
    ca = authority.certificate;
    const leaf = await issueLeaf(authority, { hostnames: ['app.test'], uses: ['server'], now });
    const { place } = runtime;
    const web = (slot: Slot, port: number) => [
      { service: 'web', paths: 'rest' as const, upstreams: [place.address(`web-${slot}`, port)] },
    ];
    settings = {
      hostname: 'app.test',
      ports: { https: portAt(ports, 0), preview: portAt(ports, 1), inner: portAt(ports, 2) },
      backends: { blue: web('blue', portAt(ports, 3)), green: web('green', portAt(ports, 4)) },
      inward: [],
      fronted: [],
      scraped: [{ name: 'units', address: place.address('unit-exporter', portAt(ports, 5)), path: '/metrics' }],
      tls: { ...leaf, authority: ca },
    };
    await carryOut(runtime, caddy(settings, place));
    const exporter = {
      port: portAt(ports, 5),
      program: await unitExporterProgram(),
    };
    await carryOut(runtime, unitExporter(exporter, place));
    await answered(() => get(settings.ports.https, '/'), 503);
  });
  afterAll(async () => {
    agent.destroy();
    await close();
  });

  /** Repeats nothing: a connection that breaks is a failed request. */
  function get(port: number, path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port, path, method, headers, servername: 'app.test', ca, agent },
        (answer) => {
          let body = '';
          answer.on('data', (chunk) => {
            body += String(chunk);
          });
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
          answer.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end();
    });
  }

  async function answered(ask: () => Promise<Answer>, status: number): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      const answer = await ask().catch(() => undefined);
      if (answer?.status === status) return answer;
      if (tries > 200) throw new Error(`no ${status}: ${JSON.stringify(answer)}`);
      await sleep(50);
    }
  }

  const live = async (): Promise<string> => (await get(settings.ports.inner, LIVE_SLOT_PATH)).body;
  const switched = async (to: LiveSlot) => {
    expect(await runtime.job(switchTo(to, runtime.place))).toMatchObject({ kind: 'exited', code: 0 });
    expect(await live()).toBe(to);
  };

  it('has a configuration that Caddy itself accepts', async () => {
    expect(await runtime.job(checkCaddy(runtime.place))).toMatchObject({ kind: 'exited', code: 0 });
  });

  it('says 503 while no slot is live, and shows the candidate at the preview door only', async () => {
    expect(await live()).toBe('none');
    await runtime.start(units.blue);
    const preview = await answered(() => get(settings.ports.preview, '/hello'), 200);
    expect(JSON.parse(preview.body)).toEqual({ slot: 'blue', url: '/hello', forwarded: 'https' });
    expect((await get(settings.ports.https, '/hello')).status).toBe(503);
    await switched('blue');
    expect(JSON.parse((await get(settings.ports.https, '/hello')).body).slot).toBe('blue');
  });

  it('switches from slot to slot under load without one failed request', async () => {
    let going = true;
    const seen = { answered: 0, failed: [] as string[], slots: new Set<string>() };
    const client = async (number: number) => {
      while (going) {
        const method = number % 2 === 0 ? 'GET' : 'POST';
        try {
          const answer = await get(settings.ports.https, '/work', method);
          if (answer.status === 200) seen.answered++;
          else seen.failed.push(`${method} ${answer.status}`);
          if (answer.status === 200) seen.slots.add(JSON.parse(answer.body).slot);
        } catch (error) {
          seen.failed.push(`${method} ${error instanceof Error ? error.message : 'unknown'}`);
        }
      }
    };
    const clients = Array.from({ length: 12 }, (_, number) => client(number));
    let now: Slot = 'blue';
    for (let cycle = 0; cycle < 6; cycle++) {
      const next = otherSlot(now);
      await runtime.start(units[next]);
      await answered(() => get(settings.ports.preview, '/ready'), 200);
      await switched(next);
      expect((await runtime.stop(units[now].name)).how).toBe('stopped');
      now = next;
    }
    going = false;
    await Promise.all(clients);
    expect(seen.failed).toEqual([]);
    expect(seen.answered).toBeGreaterThan(400);
    expect([...seen.slots].sort()).toEqual(['blue', 'green']);
  });

  it('takes up a renewed certificate', async () => {
    expect(await runtime.job(reloadCaddy(runtime.place))).toMatchObject({ kind: 'exited', code: 0 });
    expect((await get(settings.ports.https, '/')).status).toBe(200);
  });

  it('lets Prometheus in to servers without TLS', async () => {
    const metrics = await answered(() => get(settings.ports.inner, scrapePath('units')), 200);
    expect(metrics.body).toMatch(/^holdpoint_unit_up\{unit="caddy",service="caddy"\} 1$/m);
    expect(metrics.body).toMatch(/^holdpoint_unit_up\{unit="web-green",service="web"\} 0$/m);
    const memory = /^holdpoint_unit_memory_bytes\{unit="web-blue",service="web"\} (\d+)$/m.exec(metrics.body);
    expect(Number(memory?.[1])).toBeGreaterThan(10_000_000);
    expect(metrics.body).toMatch(/^holdpoint_unit_cpu_seconds_total\{unit="web-blue",service="web"\} \d+\.?\d*$/m);
    expect((await get(settings.ports.inner, '/metrics')).body).toContain('go_goroutines');
    expect((await get(settings.ports.inner, '/other')).status).toBe(404);
  });

  it('logs each request for mtail to count, and no secret', async () => {
    const headers = { authorization: 'Bearer canary-1', cookie: 'session=canary-2' };
    await get(settings.ports.https, '/logged?token=canary-3', 'GET', headers);
    const read = async (argv: readonly [string, ...string[]]) => {
      const end = await runtime.job({
        name: 'read-log',
        command: argv,
        software: OF_PARTS,
        mounts: [],
        networks: [],
        environment: {},
        user: 'proxy',
        timeLimit: seconds(20),
      });
      return end.kind === 'exited' ? end.output : JSON.stringify(end);
    };
    const log = await read(['tail', '-n', '20', accessLog(runtime.place)]);
    expect(log).toContain('"/logged"');
    expect(log).not.toContain('canary');
    expect((await runtime.logs('caddy', 10_000)).join('\n')).not.toContain('canary');
    const program = runtime.place.path('caddy-data', 'access.mtail');
    await runtime.put([
      {
        store: 'caddy-data',
        path: 'access.mtail',
        content: mtailProgram([5, 10, 200, 500]),
        mode: 0o644,
        user: 'proxy',
      },
    ]);
    const counted = await read([
      runtime.place.program('mtail'),
      '-one_shot',
      '-one_shot_format=prometheus',
      '-logtostderr',
      '-address=127.0.0.1',
      '-port=0',
      `-progs=${program}`,
      `-logs=${accessLog(runtime.place)}`,
    ]);
    const ok = /holdpoint_lb_requests_total\{class="2xx".*?\} (\d+)/.exec(counted);
    const lines = await read(['grep', '-c', '"status":200', accessLog(runtime.place)]);
    expect(Number(ok?.[1])).toBe(Number(lines));
    expect(counted).toMatch(/le="200"/);
  });

  it('tells 502 when no instance can be reached', async () => {
    const slot = await live();
    await runtime.stop(`web-${slot}`);
    expect((await get(settings.ports.https, '/gone', 'POST')).status).toBe(502);
  });
});
