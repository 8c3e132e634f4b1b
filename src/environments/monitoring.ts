import { readFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { seconds } from '../evidence/units.ts';
import { ALERT_RECEIVER } from '../parts/alert-receiver.ts';
import { alertmanager, DELIVERY_CHECK } from '../parts/alertmanager.ts';
import { accessLog } from '../parts/caddy.ts';
import { scrapePath } from '../parts/caddy-configuration.ts';
import { blackboxExporter, nodeExporter, postgresExporter } from '../parts/exporters.ts';
import { bucketBounds } from '../parts/golden-metrics/buckets.ts';
import { APP_JOB, JOBS } from '../parts/golden-metrics/metric-names.ts';
import { rulesText } from '../parts/golden-metrics/rule.ts';
import { goldenRules } from '../parts/golden-metrics/rules.ts';
import { goldenSettings } from '../parts/golden-metrics/settings.ts';
import { monitoringTls } from '../parts/monitoring-tls.ts';
import { mtail } from '../parts/mtail.ts';
import { carryOut, joined, type Part } from '../parts/part.ts';
import { prometheus, type ScrapeJob, type ScrapeTarget, targetsFile } from '../parts/prometheus.ts';
import { unitExporter, unitExporterProgram } from '../parts/unit-exporter-part.ts';
import type { HttpTarget } from '../probes/http.ts';
import { authorityFile, ensureCertificates } from './certificates.ts';
import { passwordOf, roleName } from './database-access.ts';
import { doorUrl, type Environment } from './environment.ts';
import { readRecord } from './record.ts';
import { rememberHandedOver, resolveReference } from './secrets.ts';
import { unitName } from './service-units.ts';

const TARGETS_FILE = 'services.json';
/** A target that is never there, while the delivery of alerts is proven; without targets at other times. */
const DELIVERY_JOB = 'delivery-check';
const DELIVERY_FILE = 'delivery-check.json';
const RETENTION_DAYS = 35;

export const SCRAPE_INTERVAL = seconds(5);

export const goldenSettingsOf = (environment: Environment) =>
  goldenSettings(environment.app, environment.name, { scrapeInterval: SCRAPE_INTERVAL });

/** Every monitoring server of an environment, as data. */
export async function monitoringParts(environment: Environment): Promise<Part> {
  const { app, ports, runtime, settings } = environment;
  const { place } = runtime;
  const { authority, server } = await ensureCertificates(environment);
  const golden = goldenSettingsOf(environment);
  const database = app.database?.managed.kind === 'by-holdpoint';
  return joined([
    monitoringTls({ ...server, authority }, place),
    mtail({ port: ports.mtail, accessLog: accessLog(place), bounds: bucketBounds(app, golden) }, place),
    unitExporter(
      {
        port: ports.unitExporter,
        program: await unitExporterProgram(),
      },
      place,
    ),
    nodeExporter({ port: ports.nodeExporter }, place),
    blackboxExporter({ port: ports.blackboxExporter, serverName: settings.hostname }, place),
    ...(database ? [await databaseExporter(environment)] : []),
    alertmanager(
      {
        port: ports.alertmanager,
        webhooks: await webhookUrls(environment),
        deliveryCheckUrl: `http://${place.address(ALERT_RECEIVER, ports.alertReceiver)}/`,
        groupWait: seconds(10),
      },
      place,
    ),
    prometheus(
      {
        port: ports.prometheus,
        alertmanager: place.address('alertmanager', ports.alertmanager),
        serverName: settings.hostname,
        scrapeInterval: SCRAPE_INTERVAL,
        jobs: scrapeJobs(environment),
        rules: { 'golden.yml': rulesText(goldenRules(app, golden)), 'delivery-check.yml': deliveryRule() },
        labels: { app: app.name, environment: environment.name },
        retentionDays: RETENTION_DAYS,
      },
      place,
    ),
  ]);
}

async function databaseExporter(environment: Environment): Promise<Part> {
  const { ports, runtime } = environment;
  const target = `${runtime.place.address('postgres', ports.postgres)}/postgres?sslmode=require`;
  const settings = {
    port: ports.postgresExporter,
    target,
    user: roleName('monitoring'),
    password: await passwordOf(environment, 'monitoring'),
  };
  return postgresExporter(settings, runtime.place);
}

/** The URLs that alerts are posted to. One that was given by reference carries a secret. */
export function webhookUrls(environment: Environment): Promise<string[]> {
  const { app } = environment;
  const url = async (n: (typeof app.notifications)[number]) => {
    if (typeof n.url === 'string') return n.url;
    const resolved = await resolveReference(n.url, 'the URL of a webhook', app.root);
    await rememberHandedOver(environment, 'webhook-url', resolved);
    return resolved;
  };
  return Promise.all(app.notifications.map(url));
}

function scrapeJobs({ app, ports, runtime }: Environment): ScrapeJob[] {
  const at = (unit: string, port: number) => runtime.place.address(unit, port);
  const front = at('caddy', ports.loadBalancerInner);
  const fixed = (name: string, target: string, path = '/metrics'): ScrapeJob => ({
    kind: 'fixed',
    name,
    targets: [target],
    path,
  });
  return [
    fixed(JOBS.loadBalancer, front, scrapePath('mtail')),
    fixed(JOBS.units, front, scrapePath('unit-exporter')),
    fixed('host', at('node-exporter', ports.nodeExporter)),
    fixed('prometheus', at('prometheus', ports.prometheus)),
    fixed('alertmanager', at('alertmanager', ports.alertmanager)),
    ...(app.database?.managed.kind === 'by-holdpoint'
      ? [fixed(JOBS.database, at('postgres-exporter', ports.postgresExporter))]
      : []),
    {
      kind: 'probe',
      name: JOBS.certificates,
      module: 'tls',
      endpoints: [at('caddy', ports.https), at('prometheus', ports.prometheus), at('alertmanager', ports.alertmanager)],
      exporter: at('blackbox-exporter', ports.blackboxExporter),
    },
    { kind: 'from-file', name: APP_JOB, file: TARGETS_FILE },
    { kind: 'from-file', name: DELIVERY_JOB, file: DELIVERY_FILE },
  ];
}

const deliveryRule = (): string =>
  stringify({
    groups: [
      {
        name: 'holdpoint-delivery-check',
        rules: [
          {
            alert: DELIVERY_CHECK,
            expr: `up{job="${DELIVERY_JOB}"} == 0`,
            labels: { severity: 'ticket' },
            annotations: { summary: 'provoked to prove that alerts are delivered' },
          },
        ],
      },
    ],
  });

/** Starts every monitoring server, or leaves those alone that run as described, and tells Prometheus what is live. */
export async function bringUpMonitoring(environment: Environment): Promise<void> {
  const { runtime } = environment;
  const part = await monitoringParts(environment);
  for (const { name, owner } of part.stores) await runtime.store(name, owner);
  await writeServiceTargets(environment);
  await tellDelivery(environment, 'over');
  const before = await running(environment);
  await carryOut(runtime, part);
  // What ran already and was left alone reads a changed file only when told. Certificates it reads with each handshake.
  const after = await running(environment);
  for (const unit of READ_WHEN_TOLD)
    if (before.has(unit) && before.get(unit) === after.get(unit)) await runtime.signal(unit, 'SIGHUP');
}

const READ_WHEN_TOLD = ['prometheus', 'alertmanager', 'blackbox-exporter'] as const;

/** Pids of the units that run, by name. */
async function running({ runtime }: Environment): Promise<ReadonlyMap<string, number>> {
  const units = await runtime.list();
  return new Map(
    units.flatMap(({ unit, state }) => (state.kind === 'running' ? [[unit.name, state.pid] as const] : [])),
  );
}

/** The instances that get traffic, and the agents: Prometheus follows a switch by itself. */
export async function writeServiceTargets(environment: Environment): Promise<void> {
  const { runtime, app, ports } = environment;
  if (!(await runtime.stores()).includes('prometheus')) return;
  const { live } = await readRecord(environment);
  const address = runtime.place.address('caddy', ports.loadBalancerInner);
  const targets = app.services.flatMap((service): ScrapeTarget[] => {
    if (service.metricsPath === undefined || (service.kind === 'web' && !live)) return [];
    const slot = service.kind === 'web' ? live?.slot : undefined;
    return Array.from({ length: service.instances }, (_, i) => {
      const unit = unitName(service, slot, i);
      return {
        address,
        path: scrapePath(unit),
        labels: { service: service.name, unit, instance: unit },
      };
    });
  });
  await runtime.put([targetsFile(TARGETS_FILE, targets)]);
}

/** While `going`, Prometheus has a target that is down, and so an alert that fires for real. */
export async function tellDelivery(environment: Environment, how: 'going' | 'over'): Promise<void> {
  const { runtime, ports } = environment;
  const nobody: ScrapeTarget = {
    address: runtime.place.address('nobody', ports.alertReceiver),
    path: '/metrics',
    labels: { service: 'none' },
  };
  await runtime.put([targetsFile(DELIVERY_FILE, how === 'going' ? [nobody] : [])]);
}

/** Somebody else's Prometheus, where the app of the environment has one, sees what ours would. */
export async function prometheusTarget(environment: Environment): Promise<HttpTarget> {
  const theirs = environment.app.prometheus;
  const caFile = theirs === undefined ? authorityFile(environment) : theirs.caFile;
  return {
    baseUrl: theirs?.url ?? (await doorUrl(environment, 'prometheus')),
    timeoutMs: 15_000,
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
  };
}
