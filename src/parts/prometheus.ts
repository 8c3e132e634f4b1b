import { stringify } from 'yaml';
import type { Milliseconds } from '../evidence/units.ts';
import { seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { UnitFile } from '../runtimes/unit.ts';
import { authorityFile, TLS_STORE, webConfig } from './monitoring-tls.ts';
import { OF_PARTS, type Part, reads, writes } from './part.ts';

/** What Prometheus looks at. All of it over TLS, checked against the environment's own authority. */
export type ScrapeJob =
  /** Fixed targets, at one path. */
  | { readonly kind: 'fixed'; readonly name: string; readonly targets: readonly string[]; readonly path: string }
  /** Targets that change while Prometheus runs: read from a file in its store (see {@link targetsFile}). */
  | { readonly kind: 'from-file'; readonly name: string; readonly file: string }
  /** Endpoints that the blackbox exporter looks at. */
  | {
      readonly kind: 'probe';
      readonly name: string;
      readonly module: string;
      readonly endpoints: readonly string[];
      readonly exporter: string;
    };

export type PrometheusSettings = {
  readonly port: number;
  readonly alertmanager: string;
  /** The name in the certificates of all targets. */
  readonly serverName: string;
  readonly scrapeInterval: Milliseconds;
  readonly jobs: readonly ScrapeJob[];
  /** Rule files by name. */
  readonly rules: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly retentionDays: number;
};

export const PROMETHEUS_STORE = 'prometheus';

export type ScrapeTarget = {
  readonly address: string;
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
};

/** The file of a `from-file` job: Prometheus sees a change by itself, without a reload. */
export function targetsFile(file: string, targets: readonly ScrapeTarget[]): UnitFile {
  const groups = targets.map((t) => ({ targets: [t.address], labels: { ...t.labels, __metrics_path__: t.path } }));
  return {
    store: PROMETHEUS_STORE,
    path: file,
    content: `${JSON.stringify(groups, undefined, 2)}\n`,
    mode: 0o644,
    user: 'monitoring',
  };
}

export function prometheusConfig(settings: PrometheusSettings, place: Place): unknown {
  const tls_config = { ca_file: authorityFile(place), server_name: settings.serverName };
  const over = { scheme: 'https', tls_config };
  const interval = `${settings.scrapeInterval}ms`;
  return {
    global: {
      scrape_interval: interval,
      scrape_timeout: interval,
      evaluation_interval: interval,
      external_labels: settings.labels,
    },
    rule_files: Object.keys(settings.rules).map((name) => place.path(PROMETHEUS_STORE, `rules/${name}`)),
    alerting: { alertmanagers: [{ ...over, static_configs: [{ targets: [settings.alertmanager] }] }] },
    scrape_configs: settings.jobs.map((job) => ({ job_name: job.name, ...over, ...scrape(job, place) })),
  };
}

function scrape(job: ScrapeJob, place: Place): object {
  switch (job.kind) {
    case 'fixed':
      return { metrics_path: job.path, static_configs: [{ targets: job.targets }] };
    case 'from-file':
      return { file_sd_configs: [{ files: [place.path(PROMETHEUS_STORE, job.file)], refresh_interval: '5s' }] };
    case 'probe':
      return {
        metrics_path: '/probe',
        params: { module: [job.module] },
        static_configs: [{ targets: job.endpoints }],
        relabel_configs: [
          { source_labels: ['__address__'], target_label: '__param_target' },
          { source_labels: ['__param_target'], target_label: 'instance' },
          { target_label: '__address__', replacement: job.exporter },
        ],
      };
  }
}

export function prometheus(settings: PrometheusSettings, place: Place): Part {
  const file = (path: string, content: string): UnitFile => ({
    store: PROMETHEUS_STORE,
    path,
    content,
    mode: 0o644,
    user: 'monitoring',
  });
  return {
    stores: [
      { name: PROMETHEUS_STORE, owner: 'monitoring' },
      { name: 'prometheus-data', owner: 'monitoring' },
    ],
    files: [
      file('prometheus.yml', stringify(prometheusConfig(settings, place))),
      ...Object.entries(settings.rules).map(([name, content]) => file(`rules/${name}`, content)),
    ],
    units: [
      {
        name: 'prometheus',
        of: 'prometheus',
        role: 'part',
        software: OF_PARTS,
        mounts: [...reads(PROMETHEUS_STORE, TLS_STORE), ...writes('prometheus-data')],
        networks: ['app'],
        command: [
          place.program('prometheus'),
          `--config.file=${place.path(PROMETHEUS_STORE, 'prometheus.yml')}`,
          `--storage.tsdb.path=${place.path('prometheus-data')}`,
          `--storage.tsdb.retention.time=${settings.retentionDays}d`,
          `--web.listen-address=${place.listen}:${settings.port}`,
          `--web.config.file=${webConfig(place)}`,
        ],
        environment: {},
        user: 'monitoring',
        ports: [{ name: 'https', number: settings.port }],
        stop: { signal: 'SIGTERM', grace: seconds(20) },
        restart: 'always',
      },
    ],
  };
}
