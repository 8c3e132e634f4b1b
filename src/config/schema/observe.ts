import * as z from 'zod';
import { httpExpectation } from './http.ts';
import { key } from './key.ts';
import { secretReferenceValue } from './secrets.ts';
import { openUrl, relativePath } from './values.ts';

const OBSERVE = 'a mapping with `url`';
const HEALTH = 'a path such as `/healthz`, a mapping with `path`, or a list of them';
const PROMETHEUS = 'the URL of a Prometheus, or a mapping with `url`';
const QUERY = 'a PromQL expression';

const caFile = key(relativePath.optional(), {
  description: 'PEM file with the certificates of the CA that signed its own, relative to this file.',
  examples: ['certificates/company-ca.pem'],
  absent: 'the CAs that Node trusts',
});

const prometheusKeys = z.strictObject(
  { url: key(openUrl, { description: 'Where it answers.', examples: ['https://prometheus.example.com'] }), caFile },
  { error: (issue) => (issue.code === 'invalid_type' ? PROMETHEUS : undefined) },
);

const query = (description: string, example: string) =>
  key(z.string({ error: QUERY }).trim().min(1, { error: QUERY }).optional(), {
    description,
    examples: [example],
    absent: 'what it would tell is unknown',
  });

const metricsKeys = z.strictObject(
  {
    requests: query('PromQL: requests a second.', 'sum(rate(http_requests_total[1m]))'),
    errors: query(
      'PromQL: requests a second that failed. No series beside counted requests means none.',
      'sum(rate(http_requests_total{status=~"5.."}[1m]))',
    ),
    latencyP95: query(
      'PromQL: P95 of the response time, in seconds.',
      'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))',
    ),
  },
  {
    error: (issue) =>
      issue.code === 'invalid_type' ? 'a mapping with `requests`, `errors` and `latencyP95`' : undefined,
  },
);

const observeKeys = z.strictObject(
  {
    url: key(openUrl, {
      description: 'Where people reach the app.',
      examples: ['https://shop.example.com'],
    }),
    caFile,
    health: key(
      z
        .union([httpExpectation.transform((one) => [one]), z.array(httpExpectation, { error: HEALTH })], {
          error: HEALTH,
        })
        .prefault([]),
      { description: 'What says whether the app is well.', examples: ['/healthz', ['/healthz', '/readyz']] },
    ),
    prometheus: key(
      z
        .union([openUrl.transform((url) => ({ url })).pipe(prometheusKeys), prometheusKeys], { error: PROMETHEUS })
        .optional(),
      {
        description: 'The Prometheus that sees its metrics.',
        examples: ['https://prometheus.example.com', { url: 'https://prometheus.example.com', caFile: 'ca.pem' }],
        absent: 'what only metrics tell is unknown',
      },
    ),
    metrics: key(metricsKeys.prefault({}), {
      description: 'What to ask that Prometheus.',
      examples: [{ requests: 'sum(rate(http_requests_total[1m]))' }],
    }),
    database: key(secretReferenceValue.optional(), {
      description: 'Reference to the URL of its Postgres. A role that may only read is enough.',
      examples: ['env:SHOP_DATABASE_URL'],
      absent: 'checks of the database are not applicable',
    }),
    allowWrites: key(z.boolean({ error: '`true` or `false`' }).default(false), {
      description:
        'Whether requests may be sent that could change something there. Without it Holdpoint sends GET and HEAD alone.',
      examples: [false],
    }),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? OBSERVE : undefined) },
);

export const observe = key(observeKeys.optional(), {
  description:
    'Something else deployed the app (a platform, Compose, Kubernetes): Holdpoint looks at it from outside and changes nothing. Goes with `runtime: none`.',
  examples: [
    {
      url: 'https://shop.example.com',
      health: '/healthz',
      prometheus: 'https://prometheus.example.com',
      database: 'env:SHOP_DATABASE_URL',
    },
  ],
  absent: 'Holdpoint deploys the app',
});

const NONE = '`none`, with `observe`; `process` and `docker` are said below `production` and `staging`';

export const runtime = key(z.literal('none', { error: NONE }).optional(), {
  description: '`none`: Holdpoint deploys nothing and only looks at what `observe` names.',
  examples: ['none'],
  with: { file: { observe: { url: 'https://shop.example.com' } } },
  absent: 'Holdpoint deploys the app, as `production` and `staging` say',
});

export type ObserveInput = z.output<typeof observeKeys>;
