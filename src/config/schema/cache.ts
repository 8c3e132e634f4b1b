import * as z from 'zod';
import { EVICTIONS } from '../own-cache.ts';
import { key, refuse } from './key.ts';
import { agreed, MANAGED } from './ownership.ts';
import { secretReferenceValue } from './secrets.ts';
import { handoverAs, size, variable } from './values.ts';

const CACHE = '`redis`, or a mapping';
const NUMBER = 'a whole number from 0 to 15';
const redis = z.literal('redis', { error: '`redis`' });
const EVICTION = EVICTIONS.map((policy) => `\`${policy}\``).join(', ');

const cacheKeys = z
  .strictObject(
    {
      engine: key(redis.default('redis'), { description: 'The protocol that it speaks.', examples: ['redis'] }),
      managed: key(z.boolean({ error: MANAGED }).optional(), {
        description: '`false`: somebody else runs it, and `url` says where.',
        examples: [true],
        absent: '`true`, or `false` where there is a `url`',
      }),
      url: key(secretReferenceValue.optional(), {
        description: 'Reference to the URL of one that somebody else runs. It serves production alone.',
        examples: ['env:SHOP_REDIS_URL'],
        absent: 'Holdpoint runs it; it keeps nothing over a restart',
      }),
      memory: key(size.optional(), {
        description: 'How much one that Holdpoint runs may hold.',
        examples: ['256 MiB'],
        absent: '`128 MiB`',
      }),
      eviction: key(z.enum(EVICTIONS, { error: `one of ${EVICTION}` }).optional(), {
        description:
          "What one that Holdpoint runs does once it is full, in Redis's own words. `noeviction` for what must not lose an entry, such as a queue of jobs: writes are refused then.",
        examples: ['noeviction'],
        absent: '`allkeys-lru`',
      }),
      as: key(handoverAs.default('value'), {
        description:
          '`file`: the variable carries the path of a file that holds the URL. `value`: it carries the URL itself.',
        examples: ['file'],
      }),
      variable: key(variable.optional(), {
        description: 'Environment variable by which services learn the URL.',
        examples: ['REDIS_URL'],
        absent: '`REDIS_URL`, or `REDIS_URL_FILE` where it is handed over as a file',
      }),
      databases: key(
        z
          .record(variable, z.int({ error: NUMBER }).min(0, { error: NUMBER }).max(15, { error: NUMBER }), {
            error: 'a mapping from variables to numbers',
          })
          .prefault({}),
        {
          description:
            'Further variables that carry the URL, each with the number of one of its databases. The first variable has database 0.',
          examples: [{ CELERY_BROKER_URL: 1, CELERY_RESULT_BACKEND: 2 }],
        },
      ),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? CACHE : undefined) },
  )
  .transform(agreed)
  .transform(ofOurs);

/** What only one that Holdpoint runs can be told. */
function ofOurs<T extends { readonly url?: unknown; readonly memory?: unknown; readonly eviction?: unknown }>(
  given: T,
  ctx: Parameters<typeof refuse>[0],
): T {
  for (const name of ['memory', 'eviction'] as const)
    if (given.url !== undefined && given[name] !== undefined)
      refuse(
        ctx,
        given,
        { expected: `no \`${name}\` beside \`url\`: who runs it decides`, quote: 'hidden', found: 'one' },
        [name],
      );
  return given;
}

export const cache = key(
  z
    .union([redis.transform((engine): z.input<typeof cacheKeys> => ({ engine })).pipe(cacheKeys), cacheKeys], {
      error: CACHE,
    })
    .optional(),
  {
    description: 'The cache of the app.',
    examples: ['redis', { url: 'env:SHOP_REDIS_URL' }],
    absent: 'the app has none',
  },
);

export type CacheInput = NonNullable<z.output<typeof cache>>;
