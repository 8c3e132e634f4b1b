import type { AlertThreshold, App, Service } from '../src/config/app.ts';
import { mebibytes, minutes, seconds } from '../src/evidence/units.ts';

/** An app for tests: a web service, an agent and a database, with the plan's alerts. */
export function sampleApp(changes: Partial<App> = {}): App {
  return {
    name: 'stockroom',
    root: '/srv/stockroom',
    build: [],
    packages: [],
    hosts: [],
    tests: undefined,
    services: [sampleService('dashboard', 'web'), sampleService('deposit-agent', 'agent')],
    database: {
      engine: 'postgres',
      managed: { kind: 'by-holdpoint' },
      name: 'stockroom',
      handover: { variable: 'DATABASE_URL_FILE', as: 'file' },
      migrations: undefined,
      seed: undefined,
    },
    cache: undefined,
    prometheus: undefined,
    loadBalancer: undefined,
    observe: undefined,
    secrets: [],
    environments: {
      production: {
        hostname: 'stockroom.test',
        httpsPort: 8443,
        firstPort: 21_000,
        host: { kind: 'local' },
        runtime: 'process',
      },
      staging: undefined,
    },
    load: undefined,
    recorder: undefined,
    smoke: [],
    objectives: [],
    alerts: PLANNED_ALERTS,
    window: { length: minutes(1_440), requestsPerMinute: 600, requests: [] },
    notifications: [],
    exemptions: [],
    checks: [],
    ignore: [],
    ...changes,
  };
}

function sampleService(name: string, kind: Service['kind']): Service {
  return {
    name,
    kind,
    paths: kind === 'web' ? 'rest' : [],
    source: { kind: 'tree' },
    command: ['node', `${name}.js`],
    instances: 1,
    portVariable: 'PORT',
    hostVariable: 'HOST',
    port: undefined,
    environment: {},
    addresses: [],
    health: undefined,
    readiness: undefined,
    readyWithin: seconds(60),
    metricsPath: '/metrics',
    golden: undefined,
    stop: { signal: 'SIGTERM', drain: seconds(10) },
    memory: mebibytes(512),
    volumes: [],
  };
}

/** The sample app's web service, counting its own requests. */
export const SELF_COUNTING: Service = {
  ...sampleService('dashboard', 'web'),
  golden: {
    requests: 'http_requests_total',
    status: 'code',
    duration: 'http_request_duration_seconds',
    except: { route: ['/metrics', '/healthz'] },
  },
};

const alert = (metric: AlertThreshold['metric'], threshold: number, severity: AlertThreshold['severity'] = 'page') => ({
  metric,
  threshold,
  for: minutes(2),
  severity,
});

const PLANNED_ALERTS: readonly AlertThreshold[] = [
  alert('error-rate', 1),
  alert('latency-p95', 500),
  alert('cpu', 85, 'ticket'),
  alert('memory', 90, 'ticket'),
  alert('database-connections', 150),
  alert('certificate-days', 30, 'ticket'),
];
