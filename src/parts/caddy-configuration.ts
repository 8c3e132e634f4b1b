import type { Slot } from '../runtimes/unit.ts';
import type { Backend, CaddySettings, InwardDoor } from './caddy.ts';

/** Absolute paths, as Caddy sees them. */
export type CaddyPaths = {
  /** Address that all doors are opened at. */
  readonly listen: string;
  readonly certificate: string;
  /** Of the environment's own authority, which the fronted servers' certificates are checked against. */
  readonly authority: string;
  readonly key: string;
  /** Folder in which a file `blue` or `green` says which slot is live. */
  readonly slots: string;
  readonly accessLog: string;
  readonly data: string;
  readonly adminSocket: string;
};

/** Path on the inner door that answers with the live slot as one word, by the same rule as requests are sent. */
export const LIVE_SLOT_PATH = '/slot';

export const scrapePath = (name: string): string => `/scrape/${name}`;

/** How long a request waits for an instance that can be reached, before it is told 502. */
const TRY_FOR = '5s';
const TRY_EVERY = '50ms';
/**
 * A kept connection to an instance is given up before the instance does so (Node: 5 s, gunicorn: 2 s): a POST that
 * meets a connection which is being closed cannot be sent again, and fails.
 */
const UPSTREAM_IDLE = '1s';

/** One set of matchers, all of which must hold. */
type Match = Readonly<Record<string, unknown>>;
type Handler = { readonly handler: string; readonly [setting: string]: unknown };
type Route = { readonly match?: readonly unknown[]; readonly handle: readonly Handler[]; readonly terminal?: boolean };

/** Caddy's JSON, for 2.6 (Debian 12) and newer. It never changes while an environment lives, but for a renewal. */
export function caddyConfiguration(settings: CaddySettings, paths: CaddyPaths): unknown {
  const { ports, backends } = settings;
  const doors = { hostname: settings.hostname, listen: paths.listen };
  const live = (slot: Slot): Match => ({ file: { root: paths.slots, try_files: [`/${slot}`] } });
  const to = (slot: Slot, match: Match): readonly Route[] => [
    ...served(backends[slot]).flatMap(({ path, upstreams }) => forward(upstreams, { ...match, ...path })),
    ...(backends[slot].length === 0 || backends[slot].some(({ paths }) => paths === 'rest') ? [] : [nobodys(match)]),
  ];
  return {
    admin: {
      listen: `unix/${paths.adminSocket}`,
      // Caddy's own client sends an empty Host over a unix socket; other clients send a name.
      origins: ['', 'localhost'],
      config: { persist: false },
    },
    logging: logging(paths),
    storage: { module: 'file_system', root: paths.data },
    apps: {
      http: {
        grace_period: '10s',
        servers: {
          app: server(doors, ports.https, [...to('blue', live('blue')), ...to('green', live('green')), maintenance], {
            logs: { default_logger_name: 'app' },
          }),
          // The other one: green while blue is live, else blue.
          preview: server(doors, ports.preview, [...to('green', live('blue')), ...to('blue', {}), maintenance]),
          ...Object.fromEntries(
            settings.inward.map((door) => [`inward-${door.service}-${door.port}`, inward(door, paths.listen, live)]),
          ),
          inner: server(doors, ports.inner, [
            says([{ path: [LIVE_SLOT_PATH], ...live('blue') }], 'blue'),
            says([{ path: [LIVE_SLOT_PATH], ...live('green') }], 'green'),
            says([{ path: [LIVE_SLOT_PATH] }], 'none'),
            { match: [{ path: ['/metrics'] }], handle: [{ handler: 'metrics' }], terminal: true },
            ...settings.scraped.map((target) => scraped(target)),
            { handle: [{ handler: 'static_response', status_code: 404 }] },
          ]),
          ...Object.fromEntries(
            settings.fronted.map((target) => [
              `fronted-${target.name}`,
              server(doors, target.port, [fronted(target, settings.hostname, paths.authority)]),
            ]),
          ),
        },
      },
      tls: {
        certificates: { load_files: [{ certificate: paths.certificate, key: paths.key }] },
      },
    },
  };
}

type Doors = { readonly hostname: string; readonly listen: string };

function server(doors: Doors, port: number, routes: readonly Route[], more: object = {}): unknown {
  return {
    listen: [`${doors.listen}:${port}`],
    // Without HTTP/3: it would need a UDP port of the same number.
    protocols: ['h1', 'h2'],
    automatic_https: { disable: true },
    // A client that asks by address sends no name.
    tls_connection_policies: [{ protocol_min: 'tls1.2', default_sni: doors.hostname }],
    read_header_timeout: '10s',
    routes,
    ...more,
  };
}

/** For services of the same environment: on loopback, or in a network of their own, so without TLS. */
const inward = ({ port, to }: InwardDoor, listen: string, live: (slot: Slot) => Match): unknown => ({
  listen: [`${listen}:${port}`],
  protocols: ['h1'],
  automatic_https: { disable: true },
  read_header_timeout: '10s',
  routes: [
    ...(to.kind === 'fixed'
      ? forward(to.upstreams, {})
      : (['blue', 'green'] as const).flatMap((slot) => forward(to.upstreams[slot], live(slot)))),
    maintenance,
  ],
});

const forward = (upstreams: readonly string[], match: Match): readonly Route[] =>
  upstreams.length === 0
    ? []
    : [
        {
          ...(Object.keys(match).length === 0 ? {} : { match: [match] }),
          handle: [balanced(upstreams)],
          terminal: true,
        },
      ];

/** Each backend for each of its paths, the longest first, and the one for the rest last. */
const served = (backends: readonly Backend[]) =>
  backends
    .flatMap(({ paths, upstreams }) =>
      (paths === 'rest' ? [''] : paths).map((below) => ({
        length: below.length,
        path: below === '' ? {} : { path: [below, `${below}/*`] },
        upstreams,
      })),
    )
    .sort((a, b) => b.length - a.length);

/**
 * Another instance is tried only where the request was certainly not sent (no connection came about). Caddy by itself
 * also repeats a GET that broke off in the middle, which hides failures.
 */
const balanced = (upstreams: readonly string[]): Handler => ({
  handler: 'reverse_proxy',
  upstreams: upstreams.map((dial) => ({ dial })),
  load_balancing: {
    selection_policy: { policy: 'round_robin' },
    try_duration: TRY_FOR,
    try_interval: TRY_EVERY,
    retry_match: [{ method: ['HOLDPOINT-NEVER'] }],
  },
  transport: {
    protocol: 'http',
    dial_timeout: '1s',
    keep_alive: { enabled: true, idle_timeout: UPSTREAM_IDLE, max_idle_conns_per_host: 256 },
  },
});

const maintenance: Route = {
  handle: [
    {
      handler: 'static_response',
      status_code: 503,
      headers: { 'Content-Type': ['text/plain; charset=utf-8'], 'Retry-After': ['10'], 'Cache-Control': ['no-store'] },
      body: 'The service is down for maintenance.\n',
    },
  ],
};

/** For a path that no service of the live slot has. */
const nobodys = (match: Match): Route => ({
  ...(Object.keys(match).length === 0 ? {} : { match: [match] }),
  handle: [
    {
      handler: 'static_response',
      status_code: 404,
      headers: { 'Content-Type': ['text/plain; charset=utf-8'] },
      body: 'No service has this path.\n',
    },
  ],
  terminal: true,
});

const says = (match: readonly unknown[], word: string): Route => ({
  match,
  handle: [{ handler: 'static_response', status_code: 200, body: word }],
  terminal: true,
});

const fronted = (target: CaddySettings['fronted'][number], hostname: string, authority: string): Route => ({
  handle: [
    {
      handler: 'reverse_proxy',
      upstreams: [{ dial: target.address }],
      transport: {
        protocol: 'http',
        dial_timeout: '1s',
        tls: { root_ca_pem_files: [authority], server_name: hostname },
      },
    },
  ],
  terminal: true,
});

const scraped = (target: CaddySettings['scraped'][number]): Route => ({
  match: [{ path: [scrapePath(target.name)] }],
  handle: [
    { handler: 'rewrite', uri: target.path },
    {
      handler: 'reverse_proxy',
      upstreams: [{ dial: target.address }],
      transport: { protocol: 'http', dial_timeout: '1s' },
    },
  ],
  terminal: true,
});

/**
 * The access log holds what latency and errors are counted from, and nothing that may be a secret or tell who somebody
 * is: no headers, no query, addresses cut to their network. The same holds for what Caddy says of a failed request.
 */
function logging(paths: CaddyPaths): unknown {
  const mask = { filter: 'ip_mask', ipv4_cidr: 24, ipv6_cidr: 48 };
  const gone = { filter: 'delete' };
  const encoder = {
    format: 'filter',
    wrap: { format: 'json' },
    fields: {
      'request>headers': gone,
      'request>tls': gone,
      'request>uri': { filter: 'regexp', regexp: '\\?.*', value: '' },
      'request>remote_ip': mask,
      'request>client_ip': mask,
      'request>remote_port': gone,
      resp_headers: gone,
      user_id: gone,
    },
  };
  const access = 'http.log.access.app';
  return {
    logs: {
      default: { writer: { output: 'stderr' }, encoder, exclude: [access] },
      access: {
        writer: { output: 'file', filename: paths.accessLog, roll_size_mb: 50, roll_keep: 3, roll_gzip: false },
        encoder,
        include: [access],
      },
    },
  };
}
