import * as z from 'zod';
import { key } from './key.ts';
import { openUrl, relativePath } from './values.ts';

const FALSE = '`false`: what Holdpoint runs itself needs no mapping at all';

/** A server that somebody else runs. */
function byUrl(examples: { readonly url: string; readonly what: string }) {
  const error = 'the URL of one that somebody else runs, or a mapping with `managed: false` and `url`';
  const keys = z.strictObject(
    {
      managed: key(z.literal(false, { error: FALSE }).default(false), {
        description: `Somebody else runs ${examples.what}.`,
        examples: [false],
      }),
      url: key(openUrl, { description: 'Where it answers. A login has no place in it.', examples: [examples.url] }),
      caFile: key(relativePath.optional(), {
        description: 'PEM file with the certificates of the CA that signed its own, relative to this file.',
        examples: ['certificates/company-ca.pem'],
        absent: 'the CAs that Node trusts',
      }),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? error : undefined) },
  );
  return z.union([openUrl.transform((url): z.input<typeof keys> => ({ url })).pipe(keys), keys], { error });
}

export const prometheus = key(
  byUrl({ url: 'https://prometheus.example.com', what: 'a Prometheus that scrapes the app' }).optional(),
  {
    description: 'A Prometheus of somebody else, which sees the metrics of the app already.',
    examples: [{ managed: false, url: 'https://prometheus.example.com' }, 'https://prometheus.example.com'],
    absent: 'Holdpoint runs one',
  },
);

export const loadBalancer = key(byUrl({ url: 'https://shop.example.com', what: 'the load balancer' }).optional(), {
  description: "A load balancer of somebody else before production's services.",
  examples: [{ managed: false, url: 'https://shop.example.com' }],
  absent: 'Holdpoint runs one',
});

export type ByUrlInput = NonNullable<z.output<typeof prometheus>>;
