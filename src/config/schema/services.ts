import * as z from 'zod';
import { environment } from './environment.ts';
import { httpExpectation } from './http.ts';
import { key } from './key.ts';
import { command, duration, httpPath, name, positiveWhole, relativePath, size, variable } from './values.ts';

const SERVICE = 'a command, or a mapping with `command`';
const VOLUME = 'the environment variable that tells the folder, or a mapping with `variable`';
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
const KINDS = ['web', 'agent'] as const;

const volumeKeys = z.strictObject(
  {
    variable: key(variable, {
      description: 'Environment variable by which the service learns the path.',
      examples: ['NOTES_DB'],
    }),
    file: key(relativePath.optional(), {
      description: 'The variable carries the path of this file in the folder, not the folder itself.',
      examples: ['notes.sqlite3'],
      absent: 'the variable carries the folder',
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? VOLUME : undefined) },
);
const volume = z.union([variable.transform((v) => ({ variable: v })).pipe(volumeKeys), volumeKeys], { error: VOLUME });

const stop = z.strictObject(
  {
    signal: key(z.enum(SIGNALS, { error: `one of ${SIGNALS.join(', ')}` }).default('SIGTERM'), {
      description: 'Signal that asks the service to finish its work and end.',
      examples: ['SIGTERM'],
    }),
    drain: key(duration.prefault('10s'), {
      description: 'How long it may take to end before it is killed.',
      examples: ['20s'],
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'a mapping with `signal` and `drain`' : undefined) },
);

const serviceKeys = z.strictObject(
  {
    command: key(command, {
      description: 'What starts one instance, from the root of the built app and without a shell.',
      examples: ['node dist/dashboard.js', ['node', 'dist/dashboard.js']],
    }),
    kind: key(z.enum(KINDS, { error: '`web` or `agent`' }).default('web'), {
      description: '`web` stands behind the load balancer; `agent` has no public port.',
      examples: ['agent'],
    }),
    instances: key(positiveWhole('a whole number of instances from 1 to 32', 32).default(1), {
      description: 'How many of it run at the same time.',
      examples: [2],
    }),
    portVariable: key(variable.default('PORT'), {
      description:
        'Environment variable by which an instance learns the port to listen on, on 127.0.0.1. An agent gets one too, for health and metrics.',
      examples: ['PORT'],
    }),
    environment,
    health: key(httpExpectation.optional(), {
      description: 'Is the process alive? Must not look at the database: a restart would not bring that back.',
      examples: ['/healthz', { path: '/healthz', contentType: 'application/json', contains: '"status":"ok"' }],
      absent: 'health is unknown',
    }),
    readiness: key(httpExpectation.optional(), {
      description:
        'Can it serve, its database included? A release receives traffic only once this answers; it must turn red while the database is down.',
      examples: ['/readyz', { path: '/readyz', contentType: 'application/json', contains: '"status":"ready"' }],
      absent: 'checks of readiness are not applicable',
    }),
    metrics: key(httpPath.optional(), {
      description: 'Path of Prometheus metrics.',
      examples: ['/metrics'],
      absent: 'the service has none; what they would tell is unknown',
    }),
    stop: key(stop.prefault({}), {
      description: 'How the service is stopped.',
      examples: [{ signal: 'SIGTERM', drain: '20s' }],
    }),
    memory: key(size.prefault('512 MiB'), {
      description: 'Memory that one instance may use.',
      examples: ['512 MiB'],
    }),
    volumes: key(
      z
        .record(name('a volume name', 32), volume, { error: 'a mapping of volume names to environment variables' })
        .prefault({}),
      {
        description:
          'Folders that outlive an instance, by name. Give the variable that tells the folder, or `variable` and `file`.',
        examples: [{ data: 'NOTES_DIR' }, { data: { variable: 'NOTES_DB', file: 'notes.sqlite3' } }],
        entry: { example: 'data', meaning: 'volume' },
      },
    ),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? SERVICE : undefined) },
);

export const service = z.union(
  [command.transform((c): z.input<typeof serviceKeys> => ({ command: [...c] })).pipe(serviceKeys), serviceKeys],
  {
    error: SERVICE,
  },
);

const SERVICES = 'a mapping of service names to commands, with at least one';

export const services = key(
  z
    .record(name('a service name', 32), service, { error: SERVICES })
    .refine((all) => Object.keys(all).length > 0, { error: SERVICES }),
  {
    description:
      'The process types of the app, by name. Give a command, or a mapping where more is to be said than the command.',
    examples: [
      { dashboard: 'node dist/dashboard.js' },
      { dashboard: { command: 'node dist/dashboard.js', health: '/healthz' } },
    ],
    entry: { example: 'dashboard', meaning: 'service' },
  },
);

export type ServiceInput = z.output<typeof service>;
