import { seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { Slot, UnitFile } from '../runtimes/unit.ts';
import type { TlsFiles } from './monitoring-tls.ts';
import type { Part } from './part.ts';

export type CaddySettings = {
  readonly hostname: string;
  readonly publicPort: number;
  /** The second door: leads to the candidate before anybody else is sent there. */
  readonly previewPort: number;
  /** The third door, for Prometheus: everything that speaks no TLS itself. */
  readonly metricsPort: number;
  /** Addresses of the instances in each slot, whether they run or not. */
  readonly slots: Readonly<Record<Slot, readonly string[]>>;
  /** What Prometheus scrapes through the third door, by the first part of its path. */
  readonly fronts: readonly { readonly prefix: string; readonly address: string }[];
  readonly tls: TlsFiles;
};

export type Door = 'public' | 'preview';

const CONFIG = 'caddy';
export const SLOTS_STORE = 'caddy-slots';
const LOGS = 'caddy-logs';
const DATA = 'caddy-data';

export const accessLog = (place: Place): string => place.path(LOGS, 'access.log');

/** The file that sends a door's requests to a slot while it exists. */
export const slotFile = (door: Door, slot: Slot): UnitFile => ({
  store: SLOTS_STORE,
  path: `${door}-${slot}`,
  content: '',
  mode: 0o644,
  user: 'proxy',
});

/**
 * Caddy with a configuration that never changes. Which slot gets a request is looked up in a file each time, because a
 * change of configuration closes idle keep-alive connections: ten of them failed 137 to 176 of 22,400 requests, the
 * file 0 of 140,793.
 */
export function caddy(settings: CaddySettings, place: Place): Part {
  const file = (path: string, content: string, mode: number): UnitFile => ({
    store: CONFIG,
    path,
    content,
    mode,
    user: 'proxy',
  });
  return {
    stores: [CONFIG, SLOTS_STORE, LOGS, DATA].map((name) => ({ name, owner: 'proxy' as const })),
    files: [
      file('caddy.json', `${JSON.stringify(caddyConfig(settings, place), undefined, 2)}\n`, 0o644),
      file('certificate.pem', settings.tls.certificate, 0o644),
      file('key.pem', settings.tls.key, 0o600),
    ],
    units: [
      {
        name: 'caddy',
        of: 'caddy',
        role: 'part',
        command: [place.program('caddy'), 'run', '--config', place.path(CONFIG, 'caddy.json')],
        environment: { XDG_DATA_HOME: place.path(DATA), XDG_CONFIG_HOME: place.path(DATA) },
        user: 'proxy',
        ports: [
          { name: 'https', number: settings.publicPort },
          { name: 'preview', number: settings.previewPort },
          { name: 'metrics', number: settings.metricsPort },
        ],
        stop: { signal: 'SIGTERM', grace: seconds(30) },
        restart: 'always',
      },
    ],
  };
}

export function caddyConfig(settings: CaddySettings, place: Place): unknown {
  const server = (port: number, routes: readonly object[], logger?: string) => ({
    listen: [`127.0.0.1:${port}`],
    automatic_https: { disable: true },
    protocols: ['h1', 'h2'],
    tls_connection_policies: [{ protocol_min: 'tls1.2', default_sni: settings.hostname }],
    routes,
    ...(logger === undefined ? {} : { logs: { default_logger_name: logger } }),
  });
  return {
    admin: { disabled: true, config: { persist: false } },
    logging: { logs: logs(place) },
    apps: {
      tls: {
        certificates: {
          load_files: [{ certificate: place.path(CONFIG, 'certificate.pem'), key: place.path(CONFIG, 'key.pem') }],
        },
      },
      http: {
        grace_period: '20s',
        servers: {
          public: server(settings.publicPort, bySlot('public', settings, place), 'public'),
          preview: server(settings.previewPort, bySlot('preview', settings, place)),
          metrics: server(settings.metricsPort, fronts(settings)),
        },
      },
    },
  };
}

/** The access log has how long and which status; nothing that a request carried: no query, header, cookie or address. */
function logs(place: Place): object {
  const gone = { filter: 'delete' };
  const fields = { request: gone, resp_headers: gone, user_id: gone, common_log: gone };
  return {
    default: { level: 'WARN', exclude: ['http.log.access'] },
    access: {
      level: 'INFO',
      include: ['http.log.access.public'],
      writer: { output: 'file', filename: accessLog(place), roll_size_mb: 64, roll_keep: 3 },
      encoder: { format: 'filter', wrap: { format: 'json' }, fields },
    },
  };
}

/**
 * Green before blue: a switch to green is the moment at which its file appears, a switch to blue the moment at which
 * green's is gone; at no moment is there none.
 */
function bySlot(door: Door, settings: CaddySettings, place: Place): object[] {
  return [
    ...(['green', 'blue'] as const)
      .filter((slot) => settings.slots[slot].length > 0)
      .map((slot) => ({
        match: [{ file: { root: place.path(SLOTS_STORE), try_files: [`/${slotFile(door, slot).path}`] } }],
        handle: [proxy(settings.slots[slot])],
        terminal: true,
      })),
    {
      handle: [
        {
          handler: 'static_response',
          status_code: 503,
          headers: { 'Retry-After': ['5'], 'Content-Type': ['text/plain; charset=utf-8'] },
          body: 'No release is live here at the moment.\n',
        },
      ],
    },
  ];
}

/**
 * A request waits up to 5 s for an instance that takes its connection, and an instance that refused one is left alone
 * for a second. A request that was sent is sent again only if it is a GET: whether a write happened is not known.
 */
function proxy(upstreams: readonly string[]): object {
  return {
    handler: 'reverse_proxy',
    upstreams: upstreams.map((dial) => ({ dial })),
    load_balancing: { selection_policy: { policy: 'round_robin' }, try_duration: '5s', try_interval: '50ms' },
    health_checks: { passive: { fail_duration: '1s', max_fails: 1 } },
  };
}

function fronts(settings: CaddySettings): object[] {
  return [
    ...settings.fronts.map(({ prefix, address }) => ({
      match: [{ path: [`/${prefix}/*`] }],
      handle: [
        { handler: 'rewrite', strip_path_prefix: `/${prefix}` },
        { handler: 'reverse_proxy', upstreams: [{ dial: address }] },
      ],
      terminal: true,
    })),
    { handle: [{ handler: 'static_response', status_code: 404 }] },
  ];
}
