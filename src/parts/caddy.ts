import { type Milliseconds, milliseconds, seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { Job, Slot, UnitFile } from '../runtimes/unit.ts';
import { caddyConfiguration } from './caddy-configuration.ts';
import type { TlsFiles } from './monitoring-tls.ts';
import { OF_PARTS, type Part, reads, writes } from './part.ts';

export type CaddySettings = {
  /** The name in the certificate. */
  readonly hostname: string;
  readonly ports: {
    /** The public door: TLS, to the slot that is live. */
    readonly https: number;
    /** TLS, to the slot that is not live: by it a candidate is looked at before anybody else is sent there. */
    readonly preview: number;
    /** TLS: Caddy's own metrics, which slot is live, and the metrics of servers that speak no TLS themselves. */
    readonly inner: number;
  };
  /** What answers people's requests, in each slot. */
  readonly backends: Readonly<Record<Slot, readonly Backend[]>>;
  /** Doors without TLS by which services reach one another. */
  readonly inward: readonly InwardDoor[];
  /** Servers without TLS that Prometheus scrapes through the inner door at `/scrape/NAME`. */
  readonly scraped: readonly { readonly name: string; readonly address: string; readonly path: string }[];
  /** Servers with TLS of their own that only the load balancer makes reachable from the host, each at its own port. */
  readonly fronted: readonly { readonly name: string; readonly port: number; readonly address: string }[];
  readonly tls: TlsFiles;
};

/** A service of a slot. All instances that it may have are named; those that do not run are passed over. */
export type Backend = {
  readonly service: string;
  /** The requests of people that it gets: those for these paths and all below them, or the `rest`. */
  readonly paths: 'rest' | readonly string[];
  /** `host:port` of each instance. */
  readonly upstreams: readonly string[];
};

export type InwardDoor = {
  readonly service: string;
  readonly port: number;
  /** To the instances of the slot that is live, or always to these. */
  readonly to:
    | { readonly kind: 'live'; readonly upstreams: Readonly<Record<Slot, readonly string[]>> }
    | { readonly kind: 'fixed'; readonly behind: string; readonly upstreams: readonly string[] };
};

const CONFIG = 'caddy';
const SLOTS = 'caddy-slots';
/** Holds the access log. */
export const LOGS = 'caddy-logs';
const DATA = 'caddy-data';

export const accessLog = (place: Place): string => place.path(LOGS, 'access.log');
/** Says which configuration and certificate the running Caddy has taken up; see `bringUpLoadBalancer`. */
export const TAKEN_UP = { store: CONFIG, path: 'taken-up' } as const;
export const takenUpFile = (digest: string): UnitFile => ({
  ...TAKEN_UP,
  content: digest,
  mode: 0o644,
  user: 'proxy',
});

const configFile = (place: Place): string => place.path(CONFIG, 'caddy.json');
const adminSocket = (place: Place): string => place.path(DATA, 'admin.sock');

/**
 * The load balancer. Which slot is live is told by a file that is looked at with each request: any change of Caddy's
 * configuration closes idle HTTP/1.1 connections (137 to 176 of 22,400 requests of a strict client failed so), a change
 * of that file closes none (0 of 140,793).
 */
export function caddy(settings: CaddySettings, place: Place): Part {
  const configuration = caddyConfiguration(settings, {
    listen: place.listen,
    certificate: place.path(CONFIG, 'tls.crt'),
    authority: place.path(CONFIG, 'authority.pem'),
    key: place.path(CONFIG, 'tls.key'),
    slots: place.path(SLOTS),
    accessLog: accessLog(place),
    data: place.path(DATA),
    adminSocket: adminSocket(place),
  });
  const file = (path: string, content: string, mode: number): UnitFile => ({
    store: CONFIG,
    path,
    content,
    mode,
    user: 'proxy',
  });
  return {
    stores: [CONFIG, SLOTS, LOGS, DATA].map((name) => ({ name, owner: 'proxy' as const })),
    files: [
      file('tls.crt', settings.tls.certificate, 0o644),
      file('tls.key', settings.tls.key, 0o600),
      file('authority.pem', settings.tls.authority, 0o644),
      file('caddy.json', `${JSON.stringify(configuration, undefined, 2)}\n`, 0o644),
    ],
    units: [
      {
        name: 'caddy',
        of: 'caddy',
        role: 'part',
        software: OF_PARTS,
        mounts: [...reads(CONFIG, SLOTS), ...writes(LOGS, DATA)],
        networks: ['app'],
        command: [place.program('caddy'), 'run', '--config', configFile(place)],
        environment: caddyEnvironment(place),
        user: 'proxy',
        ports: [
          { name: 'https', number: settings.ports.https, published: true },
          { name: 'preview', number: settings.ports.preview, published: true },
          // The doors between services are not among them: they come and go with releases, and the unit stays the same.
          { name: 'inner', number: settings.ports.inner },
          ...settings.fronted.map(({ name, port }) => ({ name, number: port, published: true as const })),
        ],
        stop: { signal: 'SIGTERM', grace: seconds(15) },
        restart: 'always',
      },
    ],
  };
}

/** Where Caddy would otherwise look for a home. */
const caddyEnvironment = (place: Place) => ({ XDG_DATA_HOME: place.path(DATA), XDG_CONFIG_HOME: place.path(DATA) });

const proxyJob = (name: string, place: Place, command: Job['command']): Job => ({
  name,
  software: OF_PARTS,
  command,
  mounts: [...reads(CONFIG), ...writes(SLOTS, LOGS, DATA)],
  networks: [],
  environment: caddyEnvironment(place),
  user: 'proxy',
  timeLimit: seconds(30),
});

/** Caddy's own check of the configuration that lies in the store, its certificate included. */
export const checkCaddy = (place: Place): Job =>
  proxyJob('caddy-check', place, [place.program('caddy'), 'validate', '--config', configFile(place)]);

/**
 * Takes up a new certificate or configuration, which closes idle HTTP/1.1 connections: a client that sends at that moment
 * may see a failed request. Only for renewals, and where a release has other instances than before.
 */
export const reloadCaddy = (place: Place): Job =>
  proxyJob('caddy-reload', place, [
    place.program('caddy'),
    'reload',
    '--force',
    '--config',
    configFile(place),
    '--address',
    `unix/${adminSocket(place)}`,
  ]);

/** Which slot requests go to; `none`: everybody is told 503. */
export type LiveSlot = Slot | 'none';

/**
 * Sends all further requests to a slot. Blue wins while both files are there, so that at no moment none is: the new one
 * is made before the old one goes, and a switch that was cut off is simply done again.
 */
export const switchTo = (live: LiveSlot, place: Place): Job => {
  const made = live === 'none' ? [] : [live];
  const gone = (['blue', 'green'] as const).filter((slot) => slot !== live);
  return proxyJob(`switch-to-${live}`, place, [
    '/bin/sh',
    '-euc',
    'for made in $1; do : >"$2/$made"; done; for gone in $3; do rm -f "$2/$gone"; done; sync "$2"',
    'switch',
    made.join(' '),
    place.path(SLOTS),
    gone.join(' '),
  ]);
};

/** A request that was sent on its way just before a switch is counted at its instance after this long, even on a busy machine. */
const ON_THE_WAY = milliseconds(500);

/**
 * Waits until no request is on its way to these instances any more, as Caddy counts them, and at most for `within`. An
 * app that exits at once on SIGTERM cuts what it has in hand (176 of 799 requests), so it is told only then.
 * Exit status 3: there still are requests, a stream for instance.
 */
export const untilDrained = (slot: Slot, addresses: readonly string[], within: Milliseconds, place: Place): Job => ({
  ...proxyJob(`drain-${slot}`, place, [
    place.program('node'),
    '-e',
    DRAINED,
    adminSocket(place),
    String(ON_THE_WAY),
    String(within),
    ...addresses,
  ]),
  timeLimit: milliseconds(within + seconds(10)),
});

const DRAINED = `
const { get } = require('node:http');
const [socketPath, first, within, ...addresses] = process.argv.slice(1);
const end = Date.now() + Number(within);
const again = () => (Date.now() > end ? process.exit(3) : setTimeout(look, 50));
function look() {
  const asked = get({ socketPath, path: '/reverse_proxy/upstreams', headers: { host: 'localhost' } }, (answer) => {
    let body = '';
    answer.on('data', (chunk) => { body += chunk; });
    answer.on('end', () => {
      const busy = JSON.parse(body).some((one) => addresses.includes(one.address) && one.num_requests > 0);
      if (busy) again();
      else process.exit(0);
    });
  });
  asked.on('error', again);
}
setTimeout(look, Number(first));
`;
