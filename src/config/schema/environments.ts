import * as z from 'zod';
import { key } from './key.ts';

/** The run of ports that an environment may use, from `firstPort` on. */
export const PORTS_PER_ENVIRONMENT = 100;
const HIGHEST_PORT = 65_535;

const HOSTNAME = 'a host name such as `stockroom.example.com`';
const hostname = z
  .string({ error: HOSTNAME })
  .max(253, { error: HOSTNAME })
  .regex(/^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/, { error: HOSTNAME });

const port = (greatest: number) => {
  const error = `a port from 1024 to ${greatest}`;
  return z.int({ error }).min(1024, { error }).max(greatest, { error });
};

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
    },
    { error: (issue) => (issue.code === 'invalid_type' ? error : undefined) },
  );

const SETTINGS = 'a mapping with `hostname`, `httpsPort` or `firstPort`';
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
