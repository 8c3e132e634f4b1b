import * as z from 'zod';
import { looksLikeSecret } from '../literal-secret.ts';
import { environment } from './environment.ts';
import { golden } from './golden.ts';
import { httpExpectation } from './http.ts';
import { key, refuse } from './key.ts';
import { dockerfile, entrypoint, image, made, staticFolder } from './source.ts';
import { command, duration, httpPath, name, ofForm, positiveWhole, relativePath, size, variable } from './values.ts';

const SERVICE = 'a command, or a mapping with `command`, `image`, `dockerfile` or `static`';
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

const FIXED_PORT = 'a port from 1 to 65535';

const PATHS = 'a list of paths such as `/api`, without `*` and without a slash at the end';
const PATH = ofForm(PATHS, /^(?:\/[\w.~%!$&'()+,;=:@-]+)+$/);

const ADDRESS = 'the name of a service, with a path if you like: `pricing` or `pricing/v1`';
const address = ofForm(ADDRESS, /^[a-z][a-z0-9-]*(?:\/[^\s#?]*)?$/).transform((text, ctx) => {
  if (looksLikeSecret(text))
    refuse(ctx, text, { expected: ADDRESS, quote: 'hidden', found: 'what looks like a secret' });
  return text;
});

const plainKeys = z.strictObject(
  {
    command: key(command.optional(), {
      description:
        "What starts one instance, from the root of the built app and without a shell. Beside `image` or `dockerfile`: what stands in the place of the image's CMD.",
      examples: ['node dist/dashboard.js', ['node', 'dist/dashboard.js']],
      absent: '`image`, `dockerfile` or `static` says what starts',
    }),
    image,
    dockerfile,
    static: staticFolder,
    entrypoint,
    kind: key(z.enum(KINDS, { error: '`web` or `agent`' }).default('web'), {
      description: '`web` stands behind the load balancer; `agent` has no public port.',
      examples: ['agent'],
    }),
    paths: key(z.array(PATH, { error: PATHS }).optional(), {
      description:
        'Of a `web` service beside others: the requests that it gets, which are those for these paths and all below them; the longest that fits wins. An empty list: only other services reach it, by `addresses`.',
      examples: [['/api'], ['/api', '/login'], []],
      absent: 'it gets every request that no other service has the path of',
    }),
    instances: key(positiveWhole('a whole number of instances from 1 to 32', 32).default(1), {
      description: 'How many of it run at the same time.',
      examples: [2],
    }),
    portVariable: key(variable.default('PORT'), {
      description:
        'Environment variable by which an instance learns the port to listen on. An agent gets one too, for health and metrics.',
      examples: ['PORT'],
    }),
    hostVariable: key(variable.default('HOST'), {
      description:
        'Environment variable by which an instance learns the address to listen on: `127.0.0.1` on the runtime `process`, `0.0.0.0` on `docker`.',
      examples: ['UVICORN_HOST'],
    }),
    port: key(
      z.int({ error: FIXED_PORT }).min(1, { error: FIXED_PORT }).max(65_535, { error: FIXED_PORT }).optional(),
      {
        description:
          'The port that it listens on whatever it is told, as many images do; only on the runtime `docker`, where each instance has a network of its own.',
        examples: [8080],
        absent: 'it listens on the port that `portVariable` tells',
      },
    ),
    environment,
    addresses: key(
      z.record(variable, address, { error: 'a mapping of environment variables to names of services' }).prefault({}),
      {
        description:
          'Other services that it calls over HTTP, by the environment variable that tells the URL. `web` services of a release call those of the same release.',
        examples: [{ PRICING_URL: 'pricing' }, { PRICING_URL: 'pricing/v1' }],
        with: { file: { services: { pricing: { command: 'node dist/pricing.js', paths: [] } } } },
      },
    ),
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
    readyWithin: key(duration.prefault('60s'), {
      description:
        'How long a new instance may take until it is ready. A release whose instances take longer receives no traffic.',
      examples: ['3m'],
    }),
    metrics: key(httpPath.optional(), {
      description: 'Path of Prometheus metrics.',
      examples: ['/metrics'],
      absent: 'the service has none; what they would tell is unknown',
    }),
    golden,
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

const serviceKeys = plainKeys.transform((given, ctx) => {
  const { image: _i, dockerfile: _d, static: folder, entrypoint: _e, ...rest } = given;
  const what = made(
    {
      command: given.command,
      image: given.image,
      dockerfile: given.dockerfile,
      static: given.static,
      entrypoint: given.entrypoint,
      hostVariable: given.hostVariable,
      portVariable: given.portVariable,
    },
    ctx,
  );
  return what === undefined ? z.NEVER : { ...rest, ...what, isStatic: folder !== undefined };
});

export const service = z.union(
  [command.transform((c): z.input<typeof serviceKeys> => ({ command: [...c] })).pipe(serviceKeys), serviceKeys],
  {
    error: SERVICE,
  },
);

export const SERVICES = 'a mapping of service names to commands, with at least one';

export const services = key(
  z
    .record(name('a service name', 32), service, { error: SERVICES })
    .refine((all) => Object.keys(all).length > 0, { error: SERVICES })
    .optional(),
  {
    description:
      'The process types of the app, by name. Give a command, or a mapping where more is to be said than the command.',
    examples: [
      { dashboard: 'node dist/dashboard.js' },
      { dashboard: { command: 'node dist/dashboard.js', health: '/healthz' } },
      { dashboard: { dockerfile: 'Dockerfile', health: '/healthz' } },
      { docs: { static: 'public' } },
    ],
    absent: 'those of `compose`; with `observe` there need be none',
    entry: {
      example: 'dashboard',
      meaning: 'service',
      needs: { oneOf: ['command', 'image', 'dockerfile', 'static'], example: { command: 'node dist/dashboard.js' } },
    },
  },
);

export type ServiceInput = z.output<typeof service>;
