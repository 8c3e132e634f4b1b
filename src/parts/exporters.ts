import { stringify } from 'yaml';
import type { Command } from '../config/app.ts';
import { seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { Mount, Unit } from '../runtimes/unit.ts';
import { authorityFile, TLS_STORE, webConfig } from './monitoring-tls.ts';
import { OF_PARTS, type Part, reads } from './part.ts';

type Exporter = {
  readonly name: string;
  readonly command: Command;
  readonly port: number;
  readonly mounts?: readonly Mount[];
  readonly networks?: Unit['networks'];
  readonly environment?: Unit['environment'];
};

function exporter({ name, command, port, mounts = [], networks = ['app'], environment = {} }: Exporter): Unit {
  return {
    name,
    of: name,
    role: 'part',
    software: OF_PARTS,
    mounts: [...reads(TLS_STORE), ...mounts],
    networks,
    command,
    environment,
    user: 'monitoring',
    ports: [{ name: 'metrics', number: port }],
    stop: { signal: 'SIGTERM', grace: seconds(5) },
    restart: 'always',
  };
}

/** The host's own metrics: cores, memory, disks, pressure. */
export function nodeExporter(settings: { readonly port: number }, place: Place): Part {
  const command: Command = [
    place.program('node-exporter'),
    `--web.listen-address=${place.listen}:${settings.port}`,
    `--web.config.file=${webConfig(place)}`,
    '--collector.disable-defaults',
    ...['cpu', 'meminfo', 'loadavg', 'filesystem', 'diskstats', 'pressure', 'netdev', 'uname', 'time'].map(
      (c) => `--collector.${c}`,
    ),
  ];
  return { stores: [], files: [], units: [exporter({ name: 'node-exporter', command, port: settings.port })] };
}

export type PostgresExporterSettings = {
  readonly port: number;
  /** `127.0.0.1:5432/postgres?sslmode=disable` */
  readonly target: string;
  readonly user: string;
  readonly password: string;
};

/** Postgres' own statistics. The password is in a file that only the exporter's user can read. */
export function postgresExporter(settings: PostgresExporterSettings, place: Place): Part {
  const store = 'postgres-exporter';
  const command: Command = [
    place.program('postgres-exporter'),
    `--web.listen-address=${place.listen}:${settings.port}`,
    `--web.config.file=${webConfig(place)}`,
    '--disable-settings-metrics',
  ];
  return {
    stores: [{ name: store, owner: 'monitoring' }],
    files: [{ store, path: 'password', content: settings.password, mode: 0o600, user: 'monitoring' }],
    units: [
      exporter({
        name: 'postgres-exporter',
        command,
        port: settings.port,
        mounts: reads(store),
        networks: ['app', 'database'],
        environment: {
          DATA_SOURCE_URI: settings.target,
          DATA_SOURCE_USER: settings.user,
          DATA_SOURCE_PASS_FILE: place.path(store, 'password'),
        },
      }),
    ],
  };
}

/** Looks at TLS endpoints from outside, as a client does: a real handshake against the environment's authority. */
export function blackboxExporter(settings: { readonly port: number; readonly serverName: string }, place: Place): Part {
  const store = 'blackbox-exporter';
  const tls = { ca_file: authorityFile(place), server_name: settings.serverName };
  const modules = {
    https: {
      prober: 'http',
      timeout: '4s',
      http: { fail_if_not_ssl: true, preferred_ip_protocol: 'ip4', tls_config: tls, no_follow_redirects: true },
    },
    tls: { prober: 'tcp', timeout: '4s', tcp: { tls: true, preferred_ip_protocol: 'ip4', tls_config: tls } },
  };
  const command: Command = [
    place.program('blackbox-exporter'),
    `--web.listen-address=${place.listen}:${settings.port}`,
    `--web.config.file=${webConfig(place)}`,
    `--config.file=${place.path(store, 'blackbox.yml')}`,
  ];
  return {
    stores: [{ name: store, owner: 'monitoring' }],
    files: [{ store, path: 'blackbox.yml', content: stringify({ modules }), mode: 0o644, user: 'monitoring' }],
    units: [exporter({ name: 'blackbox-exporter', command, port: settings.port, mounts: reads(store) })],
  };
}
