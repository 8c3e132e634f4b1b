import * as z from 'zod';
import { key } from './key.ts';
import { name } from './values.ts';

/** The run of ports that an environment may use, from `firstPort` on. */
export const PORTS_PER_ENVIRONMENT = 100;
const HIGHEST_PORT = 65_535;

const HOSTNAME = 'a host name such as `stockroom.example.com`';
const hostname = z
  .string({ error: HOSTNAME })
  .max(253, { error: HOSTNAME })
  .regex(/^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/, { error: HOSTNAME });

const hostName = name('`local`, or a name of `hosts`', 32);

const DESTINATION = 'what ssh takes as its destination: a name of its configuration, or `user@host`';
const HOST = 'a mapping with `ssh`';
const hostKeys = z.strictObject(
  {
    ssh: key(
      z.string({ error: DESTINATION }).regex(/^(?:ssh:\/\/)?(?:\w[\w.-]*@)?\w[\w.:%-]*$/, { error: DESTINATION }),
      {
        description:
          "Where the system's own ssh reaches it: a name of its configuration, or `user@host`. Known hosts and keys are those of whoever runs Holdpoint.",
        examples: ['deploy@web1.example.com'],
      },
    ),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? HOST : undefined) },
);

export const hosts = key(
  z.record(name('the name of a host', 32), hostKeys, { error: 'a mapping of host names to `ssh`' }).prefault({}),
  {
    description: 'Machines beside this one, which environments may run on.',
    examples: [{ web1: { ssh: 'deploy@web1.example.com' } }],
    entry: { example: 'web1', meaning: 'host' },
  },
);

export type HostInput = z.output<typeof hostKeys>;

const port = (greatest: number) => {
  const error = `a port from 1024 to ${greatest}`;
  return z.int({ error }).min(1024, { error }).max(greatest, { error });
};

export const RUNTIMES = ['process', 'docker'] as const;

type Usual = { readonly hostname: string; readonly httpsPort: number; readonly firstPort: number };

const settings = (usual: Usual, error: string) =>
  z.strictObject(
    {
      hostname: key(hostname.optional(), {
        description: 'The name in the certificate and in URLs.',
        examples: [usual.hostname.replace('<name>', 'stockroom')],
        absent: `\`${usual.hostname}\``,
      }),
      httpsPort: key(port(HIGHEST_PORT).default(usual.httpsPort), {
        description: "The load balancer's TLS port on 127.0.0.1.",
        examples: [usual.httpsPort],
      }),
      firstPort: key(port(HIGHEST_PORT - PORTS_PER_ENVIRONMENT + 1).default(usual.firstPort), {
        description: `First of ${PORTS_PER_ENVIRONMENT} ports for everything else of the environment. No other environment may use one of them.`,
        examples: [usual.firstPort],
      }),
      host: key(hostName.default('local'), {
        description: 'The machine that it runs on: `local`, or a name of `hosts`.',
        examples: ['web1', 'local'],
        with: { file: { hosts: { web1: { ssh: 'deploy@web1.example.com' } } } },
      }),
      runtime: key(z.enum(RUNTIMES, { error: '`process` or `docker`' }).optional(), {
        description:
          "What runs services and parts there: `docker` in containers, `process` as the host's own processes on Debian's packages.",
        examples: ['docker'],
        absent: '`docker` where its engine answers at launch, else `process`',
      }),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? error : undefined) },
  );

const SETTINGS = 'a mapping with `hostname`, `httpsPort`, `firstPort`, `host` or `runtime`';
const productionKeys = settings({ hostname: '<name>.localhost', httpsPort: 8443, firstPort: 21_000 }, SETTINGS);
const stagingKeys = settings(
  { hostname: 'staging.<name>.localhost', httpsPort: 9443, firstPort: 22_000 },
  `${SETTINGS}, or \`false\``,
);

export const production = key(productionKeys.prefault({}), {
  description: 'Where the production environment answers.',
  examples: [{ hostname: 'stockroom.example.com', httpsPort: 8443, firstPort: 21_000 }],
});

export const staging = key(
  z.union([z.literal(false), stagingKeys], { error: `${SETTINGS}, or \`false\`` }).prefault({}),
  {
    description: 'Where the staging environment answers; `false` turns it off, and the steps of track B do not apply.',
    examples: [{ httpsPort: 9443, firstPort: 22_000 }, false],
  },
);

export type EnvironmentInput = z.output<typeof productionKeys>;
