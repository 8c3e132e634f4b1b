import { minutes, seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { Job, Mount, UnitFile } from '../runtimes/unit.ts';
import type { TlsFiles } from './monitoring-tls.ts';
import { OF_PARTS, type Part, reads, writes } from './part.ts';

export type PostgresSettings = {
  /** Name of the unit and beginning of the names of its stores: `postgres`, or `restored` for a copy that is checked. */
  readonly name: string;
  readonly port: number;
  readonly superuserPassword: string;
  readonly maxConnections: number;
  /** `archived`: each WAL segment is handed to this command line, at latest after the time-out. */
  readonly wal:
    | { readonly kind: 'archived'; readonly command: string; readonly timeoutSeconds: number }
    | { readonly kind: 'kept-here' };
  readonly tls: TlsFiles | undefined;
  /** Stores of the commands that the server runs itself: to archive, or to fetch from the archive. */
  readonly archive: readonly Mount[];
};

export type PostgresPlan = Part & {
  /** Makes the data directory, with checksums. Leaves one that is there alone, and never leaves a half-made one. */
  readonly initialise: Job;
};

export const dataStore = (name: string): string => `${name}-data`;
export const dataDirectory = (name: string, place: Place): string => place.path(dataStore(name), 'pgdata');
export const socketDirectory = (name: string, place: Place): string => place.path(`${name}-socket`);

/**
 * PostgreSQL with data checksums, for its neighbours alone, and with a socket of its own. A lock on the data store keeps a second server
 * off the same data: two of them start without complaint and lose rows (of 6,002 acknowledged, 1,001 were left).
 */
export function postgres(settings: PostgresSettings, place: Place): PostgresPlan {
  const { name } = settings;
  const configStore = `${name}-config`;
  const file = (path: string, content: string, mode: number): UnitFile => ({
    store: configStore,
    path,
    content,
    mode,
    user: 'postgres',
  });
  const data = dataDirectory(name, place);
  return {
    stores: [dataStore(name), `${name}-socket`, configStore].map((store) => ({
      name: store,
      owner: 'postgres' as const,
    })),
    files: [
      file('postgresql.conf', configuration(settings, place), 0o644),
      file('pg_hba.conf', accessRules(settings, place), 0o644),
      // The system user that runs the server, and pgBackRest beside it, is the superuser on the socket.
      file('pg_ident.conf', `holdpoint ${place.user('postgres')} postgres\n`, 0o644),
      file('superuser-password', `${settings.superuserPassword}\n`, 0o600),
      ...(settings.tls
        ? [file('certificate.pem', settings.tls.certificate, 0o644), file('key.pem', settings.tls.key, 0o600)]
        : []),
    ],
    units: [
      {
        name,
        of: name,
        role: 'part',
        software: OF_PARTS,
        mounts: [...writes(dataStore(name), `${name}-socket`), ...reads(configStore), ...settings.archive],
        networks: ['database'],
        command: [
          '/usr/bin/flock',
          '-n',
          '-E',
          '75',
          '--no-fork',
          place.path(dataStore(name), 'lock'),
          '/bin/sh',
          '-c',
          // With the lock in hand no server can be behind a socket that a kill -9 left here.
          'rm -f "$1"/.s.PGSQL.*; shift; exec "$@"',
          'start',
          socketDirectory(name, place),
          place.program('postgres'),
          '-D',
          data,
          `--config-file=${place.path(configStore, 'postgresql.conf')}`,
        ],
        environment: {},
        user: 'postgres',
        ports: [{ name: 'postgres', number: settings.port }],
        stop: { signal: 'SIGINT', grace: seconds(60) },
        restart: 'always',
      },
    ],
    initialise: {
      name: `${name}-initialise`,
      software: OF_PARTS,
      mounts: [...writes(dataStore(name)), ...reads(configStore)],
      networks: [],
      command: [
        '/bin/sh',
        '-euc',
        'test -d "$1" && exit 0; rm -rf "$1.new"; "$2" -D "$1.new" --username=postgres --pwfile="$3" --data-checksums --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256; mv "$1.new" "$1"',
        'initialise',
        data,
        place.program('initdb'),
        place.path(configStore, 'superuser-password'),
      ],
      environment: {},
      user: 'postgres',
      timeLimit: minutes(2),
    },
  };
}

function configuration(settings: PostgresSettings, place: Place): string {
  const { name, wal } = settings;
  const configStore = `${name}-config`;
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const values: Readonly<Record<string, string>> = {
    listen_addresses: quoted(place.listen),
    port: String(settings.port),
    unix_socket_directories: quoted(socketDirectory(name, place)),
    hba_file: quoted(place.path(configStore, 'pg_hba.conf')),
    ident_file: quoted(place.path(configStore, 'pg_ident.conf')),
    max_connections: String(settings.maxConnections),
    password_encryption: quoted('scram-sha-256'),
    shared_buffers: quoted('128MB'),
    // A copy that is checked answers only when its recovery is over: a hot standby once "lost" 8,302 of 8,302 rows.
    hot_standby: 'off',
    wal_level: 'replica',
    ...(wal.kind === 'archived'
      ? { archive_mode: 'on', archive_command: quoted(wal.command), archive_timeout: String(wal.timeoutSeconds) }
      : { archive_mode: 'off' }),
    ...(settings.tls
      ? {
          ssl: 'on',
          ssl_cert_file: quoted(place.path(configStore, 'certificate.pem')),
          ssl_key_file: quoted(place.path(configStore, 'key.pem')),
          ssl_min_protocol_version: quoted('TLSv1.2'),
        }
      : {}),
    log_destination: quoted('stderr'),
    log_line_prefix: quoted('%m [%p] '),
    log_timezone: quoted('UTC'),
    timezone: quoted('UTC'),
    // Statements may hold personal data or passwords: none is ever logged, not even with its error.
    log_statement: quoted('none'),
    log_min_error_statement: quoted('panic'),
    log_parameter_max_length_on_error: '0',
  };
  return `${Object.entries(values)
    .map(([key, value]) => `${key} = ${value}`)
    .join('\n')}\n`;
}

/** TCP always asks for a password; only TLS where the server has a certificate and the client asks for it. */
function accessRules(settings: PostgresSettings, place: Place): string {
  return [
    'local all postgres peer map=holdpoint',
    'local all all scram-sha-256',
    `host all all ${place.neighbours} scram-sha-256`,
    ...(settings.tls ? [`hostssl all all ${place.neighbours} scram-sha-256`] : []),
    '',
  ].join('\n');
}
