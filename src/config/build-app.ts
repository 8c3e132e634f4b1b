import { resolve } from 'node:path';
import type { Objective } from '../evidence/objective.ts';
import type {
  AlertThreshold,
  App,
  AskedObjective,
  Cache,
  Database,
  EnvironmentSettings,
  HttpExpectation,
  LoadRequest,
  MonitoringWindow,
  Observe,
  OwnCheck,
  OwnSeries,
  Secret,
  SecretReference,
  ServerByUrl,
  Service,
} from './app.ts';
import type { Path } from './document.ts';
import { ownCache } from './own-cache.ts';
import type { AlertsInput } from './schema/alerts.ts';
import type { AppTestsInput } from './schema/app-tests.ts';
import type { CacheInput } from './schema/cache.ts';
import type { EnvironmentInput } from './schema/environments.ts';
import type { FileInput } from './schema/file.ts';
import type { HttpExpectationInput } from './schema/http.ts';
import type { LoadInput, LoadRequestInput } from './schema/load.ts';
import type { ObserveInput } from './schema/observe.ts';
import type { OwnCheckInput } from './schema/own-checks.ts';
import type { RecorderInput } from './schema/recorder.ts';
import type { SecretInput } from './schema/secrets.ts';
import type { ServiceInput } from './schema/services.ts';
import { FILE_SERVER_PACKAGE } from './schema/source.ts';
import { frontPath, pathsOf } from './serves-people.ts';
import { serviceAddress } from './service-address.ts';
import { handoverVariable, variableOf } from './together.ts';

/** Where the file stands, and the line of a path in it: objectives carry that as their source. */
export type Origin = { readonly root: string; lineOf(path: Path): string };

/** From what the file says to what the rest of Holdpoint knows: fills in what depends on other keys. */
export function buildApp(input: FileInput, origin: Origin): App {
  const { name, database } = input;
  return {
    name,
    root: origin.root,
    build: input.build,
    packages: packagesOf(input),
    tests: input.tests === undefined ? undefined : appTests(input.tests),
    services: Object.entries(input.services ?? {}).map(([serviceName, s]) => service(serviceName, s)),
    database: database === undefined ? undefined : databaseOf(name, database, origin),
    cache: input.cache === undefined ? undefined : cacheOf(input.cache, origin),
    prometheus: input.prometheus === undefined ? undefined : serverByUrl(input.prometheus, origin),
    loadBalancer: input.loadBalancer === undefined ? undefined : serverByUrl(input.loadBalancer, origin),
    observe: input.observe === undefined ? undefined : observed(input.observe, origin),
    secrets: Object.entries(input.secrets).map(([secretName, s]) => secret(secretName, s, origin)),
    hosts: Object.entries(input.hosts).map(([host, { ssh }]) => ({ kind: 'ssh', name: host, destination: ssh })),
    environments: environments(input),
    load: input.load === undefined ? undefined : load(input.load),
    recorder: input.recorder === undefined ? undefined : recorder(input.recorder),
    smoke: input.smoke.map((e) => expectation(e)),
    objectives: askedObjectives(input.objectives, origin),
    alerts: alerts(input.alerts, database !== undefined),
    window: monitoringWindow(input),
    notifications: input.notifications.map(({ webhook }) => ({
      kind: 'webhook',
      url: typeof webhook === 'string' ? webhook : located(webhook, origin),
    })),
    exemptions: input.exemptions,
    checks: Object.entries(input.ownChecks).map(([checkName, c]) => ownCheck(checkName, c, origin)),
    ignore: input.ignore,
  };
}

function service(name: string, s: ServiceInput): Service {
  return {
    name,
    kind: s.kind,
    paths: pathsOf(s),
    source: s.source,
    command: s.command,
    instances: s.instances,
    portVariable: s.portVariable,
    hostVariable: s.hostVariable,
    port: s.port,
    environment: s.environment,
    addresses: Object.entries(s.addresses).map(([variable, to]) => ({ variable, ...serviceAddress(to) })),
    health: s.health === undefined ? undefined : expectation(s.health, 'health'),
    readiness: s.readiness === undefined ? undefined : expectation(s.readiness, 'readiness'),
    readyWithin: s.readyWithin,
    metricsPath: s.metrics,
    golden: s.golden === undefined ? undefined : ownSeries(s.golden),
    stop: s.stop,
    memory: s.memory,
    volumes: Object.entries(s.volumes).map(([volume, { variable, file }]) => ({ name: volume, variable, file })),
  };
}

const ownSeries = ({ requests, status, duration, except }: NonNullable<ServiceInput['golden']>): OwnSeries => ({
  requests,
  status,
  duration,
  except,
});

function expectation(e: HttpExpectationInput, usualName = `${e.method} ${e.path}`): HttpExpectation {
  const { method, path, headers, body, status, contentType, contains } = e;
  return { name: e.name ?? usualName, method, path, headers, body, status, contentType, contains };
}

function appTests({ command, prepare, coverage, environment: variables }: AppTestsInput): App['tests'] {
  return { command, prepare, coverage, environment: variables };
}

function databaseOf(app: string, d: NonNullable<FileInput['database']>, origin: Origin): Database {
  const { migrations } = d;
  return {
    engine: d.engine,
    managed: d.url === undefined ? { kind: 'by-holdpoint' } : { kind: 'by-url', url: located(d.url, origin) },
    name: d.name ?? app.replaceAll('-', '_'),
    handover: { variable: handoverVariable('DATABASE_URL', d), as: d.as },
    migrations:
      migrations === undefined ? undefined : { up: migrations.up, down: migrations.down, status: migrations.status },
    seed: d.seed,
  };
}

function secret(name: string, { from, as, variable }: SecretInput, origin: Origin): Secret {
  return {
    name,
    from: from.kind === 'generated' ? from : located(from, origin),
    handover: { variable: handoverVariable(variableOf(name), { as, variable }), as },
  };
}

/** A file is meant relative to holdpoint.yaml, from whatever folder the command is run. */
const located = (reference: SecretReference, { root }: Origin): SecretReference =>
  reference.kind === 'file' || reference.kind === 'dotenv'
    ? { ...reference, path: resolve(root, reference.path) }
    : reference;

function environments(input: FileInput): App['environments'] {
  const { name, observe, hosts, production, staging } = input;
  const seen = observe === undefined ? undefined : new URL(observe.url).hostname;
  return {
    production: environment(production, seen ?? `${name}.localhost`, hosts),
    // What is only observed has no second one.
    staging:
      staging === false || observe !== undefined ? undefined : environment(staging, `staging.${name}.localhost`, hosts),
  };
}

function environment(given: EnvironmentInput, usualHostname: string, hosts: FileInput['hosts']): EnvironmentSettings {
  const { hostname, httpsPort, firstPort, host, runtime } = given;
  const ssh = hosts[host];
  return {
    hostname: hostname ?? usualHostname,
    httpsPort,
    firstPort,
    host: ssh === undefined ? { kind: 'local' } : { kind: 'ssh', name: host, destination: ssh.ssh },
    runtime,
  };
}

/** Files that are served come out of a program of their own. */
function packagesOf({ packages, services }: FileInput): string[] {
  const served = Object.values(services ?? {}).some(({ isStatic }) => isStatic);
  return [...new Set([...packages, ...(served ? [FILE_SERVER_PACKAGE] : [])])];
}

function cacheOf({ engine, url, memory, eviction, databases, ...handover }: CacheInput, origin: Origin): Cache {
  return {
    engine,
    managed: url === undefined ? ownCache(memory, eviction) : { kind: 'by-url', url: located(url, origin) },
    databases: Object.entries(databases).map(([variable, number]) => ({ variable, number })),
    handover: { variable: handoverVariable('REDIS_URL', handover), as: handover.as },
  };
}

const serverByUrl = (
  { url, caFile }: { readonly url: string; readonly caFile?: string | undefined },
  { root }: Origin,
): ServerByUrl => ({ url, caFile: caFile === undefined ? undefined : resolve(root, caFile) });

function observed(o: ObserveInput, origin: Origin): Observe {
  const { requests, errors, latencyP95 } = o.metrics;
  return {
    ...serverByUrl(o, origin),
    health: o.health.map((e) => expectation(e)),
    prometheus: o.prometheus === undefined ? undefined : serverByUrl(o.prometheus, origin),
    database: o.database === undefined ? undefined : located(o.database, origin),
    allowWrites: o.allowWrites,
    metrics: { requests, errors, latencyP95 },
  };
}

function load({ requestsPerMinute, duration, requests }: LoadInput): App['load'] {
  return { requestsPerMinute, duration, requests: requests.map(loadRequest) };
}

const loadRequest = ({ weight, method, path, headers, body }: LoadRequestInput): LoadRequest => ({
  weight,
  method,
  path,
  headers,
  body,
});

function monitoringWindow({ window, smoke, services, observe }: FileInput): MonitoringWindow {
  const { length, requestsPerMinute, requests } = window;
  const hasWeb = observe !== undefined || Object.values(services ?? {}).some(({ kind }) => kind === 'web');
  const reads = smoke.filter(({ method, status }) => method === 'GET' && status === 200);
  const get = (read: Pick<LoadRequest, 'weight' | 'path' | 'headers'>): LoadRequest => ({
    weight: read.weight,
    method: 'GET',
    path: read.path,
    headers: read.headers,
    body: undefined,
  });
  const front = frontPath(Object.values(services ?? {}).map((s) => ({ kind: s.kind, paths: pathsOf(s) })));
  const usual = (reads.length > 0 ? reads : [{ path: front, headers: {} }]).map((read) => get({ ...read, weight: 1 }));
  return { length, requestsPerMinute, requests: requests?.map(get) ?? (hasWeb ? usual : []) };
}

function recorder({ write, read, perSecond }: RecorderInput): App['recorder'] {
  return { write, read, perSecond };
}

function askedObjectives(asked: FileInput['objectives'], origin: Origin): AskedObjective[] {
  return Object.entries(asked).flatMap(([step, objectives]) =>
    Object.entries(objectives).map(([objective, { comparator, threshold, gate, maximumAge }]) => ({
      step,
      objective,
      ...(comparator === undefined ? {} : { comparator }),
      ...(threshold === undefined ? {} : { threshold }),
      ...(gate === undefined ? {} : { gate }),
      ...(maximumAge === undefined ? {} : { maximumAge }),
      source: origin.lineOf(['objectives', step, objective]),
    })),
  );
}

function alerts(given: AlertsInput, hasDatabase: boolean): AlertThreshold[] {
  const all = [
    ['error-rate', given['error-rate']],
    ['latency-p95', given['latency-p95']],
    ['cpu', given.cpu],
    ['memory', given.memory],
    ['database-connections', hasDatabase ? given['database-connections'] : false],
    ['certificate-days', given['certificate-days']],
  ] as const;
  return all.flatMap(([metric, alert]) => (alert === false ? [] : [{ metric, ...alert }]));
}

function ownCheck(name: string, check: OwnCheckInput, origin: Origin): OwnCheck {
  const { by, timeLimit, metric, unit, comparator, threshold, gate, maximumAge, minimumSamples } = check;
  const source = origin.lineOf(['ownChecks', name]);
  const objective: Objective = {
    id: name,
    metric,
    comparator,
    threshold,
    unit,
    gate,
    maximumAge,
    minimumSamples,
    source,
  };
  return { name, by, timeLimit, objective };
}
