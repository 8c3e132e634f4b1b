import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { otherWork } from '../../../test/other-work.ts';
import { withRaisedPriority } from '../../../test/raised-priority.ts';
import { freePorts, portAt, temporaryRuntime } from '../../../test/runtimes/temporary.ts';
import { sampleApp } from '../../../test/sample-app.ts';
import { milliseconds, seconds, systemClock } from '../../evidence/units.ts';
import { runLoad } from '../../probes/load/run.ts';
import { type LatencyScript, type ScriptedServer, startScriptedServer } from '../../probes/load/scripted-server.ts';
import { queryInstant } from '../../probes/promql.ts';
import type { Runtime } from '../../runtimes/runtime.ts';
import { accessLog, caddy, switchTo } from '../caddy.ts';
import { scrapePath } from '../caddy-configuration.ts';
import { createAuthority, issueLeaf } from '../certificates.ts';
import { monitoringTls } from '../monitoring-tls.ts';
import { mtail } from '../mtail.ts';
import { carryOut, joined } from '../part.ts';
import { prometheus } from '../prometheus.ts';
import { bucketBounds } from './buckets.ts';
import { latencyShareWithin } from './expression.ts';
import { JOBS, RECORDED } from './metric-names.ts';
import { rulesText } from './rule.ts';
import { goldenRules } from './rules.ts';
import { goldenSettings } from './settings.ts';

/**
 * What the dashboards show, against answers that follow from a server's script: load goes through the real load balancer,
 * its access log is read by the real mtail, and the rules of production run in a real Prometheus. Bounds lie at 200 ms
 * (the objective) and 500 ms (the alert).
 */
const TOLERANCE = 0.02;
const WINDOW = seconds(10);
const app = sampleApp();
const golden = goldenSettings(app, 'production', { scrapeInterval: seconds(1), rateWindow: WINDOW });

let runtime: Runtime;
let close: () => Promise<void>;
let ports: readonly number[];
let tls: { readonly certificate: string; readonly key: string; readonly authority: string };

withRaisedPriority();

beforeAll(async () => {
  ({ runtime, close } = await temporaryRuntime());
  ports = await freePorts(5);
  const now = systemClock();
  const authority = await createAuthority('test', now);
  tls = {
    ...(await issueLeaf(authority, { hostnames: ['app.test'], uses: ['server'], now })),
    authority: authority.certificate,
  };
  const { place } = runtime;
  await carryOut(
    runtime,
    joined([
      monitoringTls(tls, place),
      mtail({ port: portAt(ports, 3), accessLog: accessLog(place), bounds: bucketBounds(app, golden) }, place),
      prometheus(
        {
          port: portAt(ports, 4),
          alertmanager: '127.0.0.1:1',
          serverName: 'app.test',
          scrapeInterval: golden.scrapeInterval,
          jobs: [
            {
              kind: 'fixed',
              name: JOBS.loadBalancer,
              targets: [`127.0.0.1:${portAt(ports, 2)}`],
              path: scrapePath('mtail'),
            },
          ],
          rules: { 'golden.yml': rulesText(goldenRules(app, golden)) },
          labels: {},
          retentionDays: 1,
        },
        place,
      ),
    ]),
  );
});
afterAll(async () => {
  await close?.();
});

/** The load balancer, anew in front of a server. */
async function standBefore(server: ScriptedServer): Promise<void> {
  const { place } = runtime;
  const settings = {
    hostname: 'app.test',
    ports: { https: portAt(ports, 0), preview: portAt(ports, 1), inner: portAt(ports, 2) },
    backends: { blue: [{ service: 'web', paths: 'rest' as const, upstreams: [new URL(server.url).host] }], green: [] },
    inward: [],
    fronted: [],
    scraped: [{ name: 'mtail', address: `127.0.0.1:${portAt(ports, 3)}`, path: '/metrics' }],
    tls,
  };
  await runtime.stop('caddy');
  await carryOut(runtime, caddy(settings, place));
  await runtime.job(switchTo('blue', place));
}

async function read(query: string): Promise<number> {
  const target = { baseUrl: `https://127.0.0.1:${portAt(ports, 4)}`, ca: tls.authority, timeoutMs: 5_000 };
  const result = await queryInstant(target, query);
  const value = result.kind === 'series' ? result.series[0]?.samples[0]?.value : undefined;
  if (value === undefined) throw new Error(`${query}: ${JSON.stringify(result)}`);
  return value;
}

type Seen = { readonly p95: number; readonly held: number; readonly recorded: number; readonly within500: number };

const isBeyond = (seen: number, truth: number) => Math.abs(seen / truth - 1) >= TOLERANCE;

/**
 * What the dashboards show. Whatever else the machine does only ever adds time, so a look that is beyond the tolerance is
 * repeated, twice at most: what the histogram gets wrong is wrong each time.
 */
async function dashboard(context: TestContext, latency: LatencyScript, analytic: number): Promise<Seen> {
  for (let look = 1; ; look += 1) {
    const seen = await oneLook(context, latency, analytic);
    if (!isBeyond(seen.p95, seen.held)) return seen;
    const other = look === 3 ? await otherWork() : undefined;
    if (other !== undefined) context.skip(`the machine is too busy to tell: ${other}`);
    if (look === 3) return seen;
    console.warn(`looks again: P95 is ${seen.p95} ms instead of ${seen.held} ms`);
  }
}

/** Reads what is recorded in the last second of a load that is longer than the window by some seconds. */
async function oneLook(context: TestContext, latency: LatencyScript, analytic: number): Promise<Seen> {
  const server = await startScriptedServer({ latency });
  try {
    await standBefore(server);
    const length = WINDOW + 5_000;
    const load = runLoad({
      baseUrl: `https://127.0.0.1:${portAt(ports, 0)}`,
      requests: [{ name: 'stock', weight: 1, method: 'GET', path: '/' }],
      ratePerSecond: 200,
      durationMs: length,
      warmUpMs: 1_000,
      connections: 200,
      timeoutMs: 5_000,
      caFile: runtime.place.path('tls-monitoring', 'authority.pem'),
    });
    await sleep(length);
    const seen = {
      p95: await read(RECORDED.latencyP95),
      recorded: await read(RECORDED.latencyWithin),
      within500: 100 * (await read(latencyShareWithin(milliseconds(500), WINDOW))),
    };
    const outcome = await load;
    if (outcome.kind === 'not run') throw new Error(outcome.reason);
    expect(outcome.result.measured).toMatchObject({ failed: 0, unclear: 0 });
    const held = server.heldMs(0.95);
    if (isBeyond(held, analytic))
      context.skip(`the machine is too busy to tell: the scripted server held P95 for ${held} ms, not ${analytic} ms`);
    return { ...seen, held };
  } finally {
    await server.close();
  }
}

describe('the P95 and the share within the objective that the dashboards show', { timeout: 120_000 }, () => {
  it('are 110 ms and all, where every request takes 110 ms', async (context) => {
    const seen = await dashboard(context, { kind: 'constant', ms: 110 }, 110);
    expect(isBeyond(seen.p95, seen.held), JSON.stringify(seen)).toBe(false);
    expect(seen.recorded).toBeGreaterThan(99);
  });

  it('are 245 ms and 90 %, where 90 % take 20 ms and 10 % take 245 ms', async (context) => {
    const script = { kind: 'mixture', fastMs: 20, slowMs: 245, slowEvery: 10 } as const;
    const seen = await dashboard(context, script, 245);
    expect(isBeyond(seen.p95, seen.held), JSON.stringify(seen)).toBe(false);
    expect(isBeyond(seen.recorded, 90), JSON.stringify(seen)).toBe(false);
    expect(seen.within500).toBeGreaterThan(99);
  });
});
