import { once } from 'node:events';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, portAt, temporaryRuntime } from '../../test/runtimes/temporary.ts';
import { seconds, systemClock } from '../evidence/units.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Job } from '../runtimes/unit.ts';
import { alertmanager } from './alertmanager.ts';
import { createAuthority, issueLeaf } from './certificates.ts';
import { blackboxExporter, nodeExporter, postgresExporter } from './exporters.ts';
import { monitoringTls, webConfig } from './monitoring-tls.ts';
import { mtail } from './mtail.ts';
import { carryOut, joined, OF_PARTS } from './part.ts';
import { PROMETHEUS_STORE, prometheus, targetsFile } from './prometheus.ts';

const RULES = `groups:
  - name: test
    rules:
      - alert: TargetGone
        expr: up{job="gone"} == 0
        labels: { severity: page }
`;

describe('the monitoring servers together', { timeout: 60_000 }, () => {
  let runtime: Runtime;
  let close: () => Promise<void>;
  let ca: string;
  let ports: readonly number[];
  const received: string[] = [];
  const webhook = createServer((asked, answer) => {
    asked.on('data', (chunk) => received.push(String(chunk)));
    asked.on('end', () => answer.end());
  });

  beforeAll(async () => {
    ({ runtime, close } = await temporaryRuntime());
    ports = await freePorts(7);
    await once(webhook.listen(0, '127.0.0.1'), 'listening');
    const heard = webhook.address();
    if (heard === null || typeof heard === 'string') throw new Error('no port');
    const now = systemClock();
    const authority = await createAuthority('test', now);
    ca = authority.certificate;
    const leaf = await issueLeaf(authority, { hostnames: ['app.test'], uses: ['server'], now });
    const { place } = runtime;
    const at = (index: number) => `127.0.0.1:${portAt(ports, index)}`;
    const url = `http://127.0.0.1:${heard.port}/`;
    await carryOut(
      runtime,
      joined([
        monitoringTls({ ...leaf, authority: ca }, place),
        nodeExporter({ port: portAt(ports, 2) }, place),
        postgresExporter(
          { port: portAt(ports, 3), target: '127.0.0.1:1/postgres', user: 'monitoring', password: 'canary' },
          place,
        ),
        blackboxExporter({ port: portAt(ports, 4), serverName: 'app.test' }, place),
        mtail({ port: portAt(ports, 5), accessLog: place.path('monitored', 'absent.log'), bounds: [5, 200] }, place),
        alertmanager({ port: portAt(ports, 1), webhooks: [url], deliveryCheckUrl: url, groupWait: seconds(1) }, place),
        prometheus(
          {
            port: portAt(ports, 0),
            alertmanager: at(1),
            serverName: 'app.test',
            scrapeInterval: seconds(1),
            jobs: [
              { kind: 'fixed', name: 'host', targets: [at(2)], path: '/metrics' },
              { kind: 'fixed', name: 'alertmanager', targets: [at(1)], path: '/metrics' },
              { kind: 'probe', name: 'certificates', module: 'tls', endpoints: [at(0)], exporter: at(4) },
              { kind: 'from-file', name: 'gone', file: 'gone.json' },
            ],
            rules: { 'test.yml': RULES },
            labels: { environment: 'test' },
            retentionDays: 1,
          },
          place,
        ),
      ]),
    );
  });
  afterAll(async () => {
    webhook.closeAllConnections();
    webhook.close();
    await close();
  });

  const check = async (...command: Job['command']) => {
    const end = await runtime.job({
      name: 'check',
      command,
      software: OF_PARTS,
      mounts: [],
      networks: [],
      environment: {},
      user: 'monitoring',
      timeLimit: seconds(30),
    });
    return end.kind === 'exited' && end.code === 0 ? 'accepted' : JSON.stringify(end);
  };

  const get = (port: number, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path, servername: 'app.test', ca, agent: false }, (answer) => {
        let body = '';
        answer.on('data', (chunk) => {
          body += String(chunk);
        });
        answer.on('end', () => resolve(body));
      });
      asked.on('error', reject);
      asked.end();
    });

  /** Value of the only series of an instant query; undefined where there is none, or more. */
  const value = async (query: string): Promise<string | undefined> => {
    const body = await get(portAt(ports, 0), `/api/v1/query?query=${encodeURIComponent(query)}`);
    const { result } = JSON.parse(body).data;
    return result.length === 1 ? result[0].value[1] : undefined;
  };

  async function until<T>(look: () => Promise<T>, wanted: T): Promise<T | undefined> {
    let found: T | undefined;
    for (let tries = 0; tries < 200; tries++) {
      found = await look().catch(() => undefined);
      if (found === wanted) return found;
      await sleep(100);
    }
    return found;
  }

  it('have configurations that their own checkers accept, as the user that they run as', async () => {
    const { place } = runtime;
    expect(await check('promtool', 'check', 'config', place.path(PROMETHEUS_STORE, 'prometheus.yml'))).toBe('accepted');
    expect(await check('promtool', 'check', 'web-config', webConfig(place))).toBe('accepted');
    expect(await check('amtool', 'check-config', place.path('alertmanager', 'alertmanager.yml'))).toBe('accepted');
    const program = `-progs=${place.path('mtail', 'access.mtail')}`;
    expect(
      await check('mtail', '-one_shot', '-compile_only', '-logtostderr', '-address=127.0.0.1', '-port=0', program),
    ).toBe('accepted');
  });

  it.each(['host', 'alertmanager', 'certificates'])('scrape %s over TLS', async (job) => {
    expect(await until(() => value(`up{job="${job}"}`), '1')).toBe('1');
  });

  it('see when the certificate of a server ends, by a handshake', async () => {
    await until(() => value('probe_success{job="certificates"}'), '1');
    const days = (Number(await value('probe_ssl_earliest_cert_expiry')) - Date.now() / 1_000) / 86_400;
    expect(days).toBeGreaterThan(89);
    expect(days).toBeLessThan(90.1);
  });

  it('say that a database does not answer, instead of nothing', async () => {
    // Asked directly: the exporter tries for a second, as long as the interval here.
    expect(await get(portAt(ports, 3), '/metrics')).toMatch(/^pg_up 0$/m);
  });

  it('take up a new target by themselves, and deliver the alert about it', async () => {
    await runtime.put([
      targetsFile('gone.json', [{ address: '127.0.0.1:1', path: '/metrics', labels: { unit: 'x' } }]),
    ]);
    await until(async () => received.some((body) => body.includes('TargetGone')), true);
    const message = received.find((body) => body.includes('TargetGone'));
    expect(message && JSON.parse(message)).toMatchObject({
      status: 'firing',
      alerts: [{ labels: { alertname: 'TargetGone', environment: 'test', unit: 'x', severity: 'page' } }],
    });
  });

  it('all run, none restarted, and no password is among their arguments', async () => {
    const states = await runtime.list();
    expect(
      states.map(({ unit, state }) => [unit.name, state.kind, state.kind === 'running' ? state.restarts : -1]),
    ).toEqual(states.map(({ unit }) => [unit.name, 'running', 0]));
    expect(states).toHaveLength(6);
    expect(JSON.stringify(states.map(({ unit }) => unit))).not.toContain('canary');
  });
});
