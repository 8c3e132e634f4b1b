import { readFile, stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { App } from '../../src/config/app.ts';
import { bringUpDatabase } from '../../src/environments/database.ts';
import type { Environment } from '../../src/environments/environment.ts';
import { aim, epochFor } from '../../src/environments/epoch.ts';
import { bringUpLoadBalancer } from '../../src/environments/load-balancer.ts';
import { bringUpMonitoring, prometheusTarget } from '../../src/environments/monitoring.ts';
import { days, instant, milliseconds, systemClock } from '../../src/evidence/units.ts';
import { observe } from '../../src/probes/http.ts';
import { digestOf } from '../../src/releases/digest.ts';
import { type Standing, standing } from './standing.ts';
import { fingerprint, until } from './watching.ts';

/** What reaches monitoring servers that run already: rules, certificates, webhooks. */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const never = new AbortController().signal;
const CANARY = 'canary-token-of-a-webhook';
let stand: Standing;
let app: App;
let environment: Environment;

beforeAll(async () => {
  stand = await standing();
  app = { ...stand.app(), notifications: [{ kind: 'webhook', url: `http://127.0.0.1:9/${CANARY}` }] };
  // Certificates live for 90 days and are renewed 30 days before their end: these are due.
  environment = await stand.open(app, () => instant(systemClock() - days(65)));
  await bringUpEverything();
});
afterAll(async () => {
  await stand?.end();
});

async function bringUpEverything() {
  await bringUpDatabase(environment, never);
  await bringUpLoadBalancer(environment);
  await bringUpMonitoring(environment);
}

const pids = async () =>
  Object.fromEntries(
    (await environment.runtime.list()).map(({ unit, state }) => [
      unit.name,
      state.kind === 'running' ? state.pid : state.kind,
    ]),
  );

async function askPrometheus(path: string): Promise<string> {
  const target = await prometheusTarget(environment);
  const { exchange } = await observe(target, { method: 'GET', path });
  return exchange.end === 'answered' ? `${exchange.status} ${exchange.body}` : `${exchange.end} ${exchange.detail}`;
}

describe('monitoring that runs', () => {
  it('is brought up a second time without harm', async () => {
    await until(
      () => askPrometheus('/-/ready'),
      (said) => said.startsWith('200'),
    );
    const before = await pids();
    await bringUpEverything();
    expect(await pids()).toEqual(before);
    expect(Object.keys(before)).toContain('alertmanager');
  });

  it('takes up changed rules, and counts latency at a changed objective, without a restart of Prometheus', async () => {
    const before = await pids();
    const changed = app.alerts.map((a) =>
      a.metric === 'latency-p95' ? { ...a, threshold: 700, for: milliseconds(1_000) } : a,
    );
    environment = await stand.open({ ...app, alerts: changed }, () => instant(systemClock() - days(65)));
    const reads = /latency_p95:milliseconds \\u003e 700/;
    expect(await askPrometheus('/api/v1/rules')).not.toMatch(reads);
    await bringUpEverything();
    const rules = await until(
      () => askPrometheus('/api/v1/rules'),
      (said) => reads.test(said),
    );
    expect(rules).toMatch(reads);
    const after = await pids();
    expect(after.mtail).not.toBe(before.mtail);
    expect({ ...after, mtail: 0 }).toEqual({ ...before, mtail: 0 });
    const program = environment.runtime.place.path('mtail', 'access.mtail');
    expect(await readFile(program, 'utf8')).toMatch(/buckets .*\b700,/);
  });

  it('keeps the URL of a webhook out of arguments, logs and files that others may read', async () => {
    const { place } = environment.runtime;
    const file = place.path('alertmanager', 'alertmanager.yml');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toContain(CANARY);
    expect(JSON.stringify(await environment.runtime.list())).not.toContain(CANARY);
    for (const { unit, state } of await environment.runtime.list()) {
      if (state.kind !== 'running') continue;
      expect(await readFile(`/proc/${state.pid}/cmdline`, 'utf8'), unit.name).not.toContain(CANARY);
      expect((await environment.runtime.logs(unit.name, 1_000)).join('\n'), unit.name).not.toContain(CANARY);
    }
  });
});

describe('a certificate that is renewed', () => {
  it('reaches every server that shows it, and none of them is started again', async () => {
    const { ports } = environment;
    const all = async () => ({
      loadBalancer: await fingerprint(ports.https),
      postgres: await fingerprint(ports.postgres, 'postgres'),
      prometheus: await fingerprint(ports.prometheus),
      alertmanager: await fingerprint(ports.alertmanager),
      nodeExporter: await fingerprint(ports.nodeExporter),
      postgresExporter: await fingerprint(ports.postgresExporter),
      blackboxExporter: await fingerprint(ports.blackboxExporter),
    });
    const before = await all();
    expect(new Set(Object.values(before)).size).toBe(1);
    const running = await pids();
    environment = await stand.open(environment.app);
    await bringUpEverything();
    const after = await until(all, (found) => new Set(Object.values(found)).size === 1, 30);
    expect(new Set(Object.values(after)).size, JSON.stringify(after)).toBe(1);
    expect(after.loadBalancer).not.toBe(before.loadBalancer);
    expect(await pids()).toEqual(running);
  });
});

describe('the epoch of an environment in which nothing is live yet', () => {
  it('ends when it is taken down, because its database is gone', async () => {
    const target = digestOf('a release');
    await aim(environment, target, 0);
    expect(await epochFor(environment, target, 'running')).toBe(0);
    await environment.runtime.down();
    expect(await epochFor(environment, target, 'running')).toBe(1);
  });
});
