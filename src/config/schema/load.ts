import * as z from 'zod';
import { body, headers } from './http.ts';
import { key, refuse } from './key.ts';
import { duration, httpPath, positiveWhole } from './values.ts';

/** A misspelt placeholder would be sent as it stands, and every request would be answered 404. */
const placedPath = (known: readonly string[]) =>
  httpPath.transform((path, ctx) => {
    const strange = [...path.matchAll(/\{[^{}]*\}/g)].map(([text]) => text).filter((text) => !known.includes(text));
    if (strange.length === 0) return path;
    const expected = `a path with no other placeholder than ${known.map((k) => `\`${k}\``).join(' and ')}`;
    refuse(ctx, path, { expected, quote: 'shown' });
    return z.NEVER;
  });

const REQUEST = 'a path such as `/api/products`, or a mapping with `path`';

const weight = key(
  z
    .number({ error: 'a weight above 0' })
    .positive({ error: 'a weight above 0' })
    .max(1e6, { error: 'a weight of at most 1000000' })
    .default(1),
  { description: 'How often this request is sent, compared with the others.', examples: [6] },
);
const path = key(placedPath(['{uuid}', '{n}']), {
  description: 'Path and query. `{uuid}` gives a fresh identity, `{n}` the number of the request.',
  examples: ['/api/products?page={n}'],
});
const orPath = (issue: { readonly code?: string }) => (issue.code === 'invalid_type' ? REQUEST : undefined);
const shortPath = httpPath.transform((given) => ({ path: given }));

const requestKeys = z.strictObject(
  {
    weight,
    method: key(z.enum(['GET', 'POST'], { error: '`GET` or `POST`' }).default('GET'), {
      description: 'Request method.',
      examples: ['POST'],
    }),
    path,
    headers,
    body,
  },
  { error: orPath },
);
const request = z.union([shortPath.pipe(requestKeys), requestKeys], { error: REQUEST });

const readKeys = z.strictObject({ weight, path, headers }, { error: orPath });
const read = z.union([shortPath.pipe(readKeys), readKeys], { error: REQUEST });

const REQUESTS = 'a list of requests, with at least one';

const requests = z.array(request, { error: REQUESTS }).min(1, { error: REQUESTS });

/** Requests that change nothing: there is no key to say otherwise. */
export const reads = z.array(read, { error: REQUESTS }).min(1, { error: REQUESTS });

const loadKeys = z.strictObject(
  {
    requestsPerMinute: key(positiveWhole('a whole number of requests a minute from 1 to 1000000', 1_000_000), {
      description: 'The rate that the app must carry.',
      examples: [10_000],
    }),
    duration: key(duration.prefault('60s'), {
      description: 'How long it is sent at that rate when it is measured.',
      examples: ['60s'],
    }),
    requests: key(requests, {
      description: 'What is sent. Writes are sent too, so give each an identity with `{uuid}`.',
      examples: [[{ weight: 9, path: '/api/products' }, { path: '/' }], ['/']],
    }),
  },
  {
    error: (issue) => (issue.code === 'invalid_type' ? 'a mapping with `requestsPerMinute` and `requests`' : undefined),
  },
);

export const load = key(loadKeys.optional(), {
  description: 'The load that the app must carry, sent at a fixed rate through the load balancer.',
  examples: [{ requestsPerMinute: 10_000, requests: [{ weight: 9, path: '/api/products' }, { path: '/' }] }],
  absent: 'checks under load are not applicable',
});

export type LoadRequestInput = z.output<typeof request>;
export type LoadInput = z.output<typeof loadKeys>;
