import * as z from 'zod';
import { key, type YamlMapping } from './key.ts';

const GOLDEN = 'a mapping with `requests` and `status`';
const METRIC = 'the name of a metric, such as `http_requests_total`';
const HISTOGRAM = 'the name of a histogram without `_bucket`, such as `http_request_duration_seconds`';
const LABEL = 'the name of a label, such as `status`';
const EXCEPT = 'a mapping of labels to values, such as `{ route: [/metrics, /healthz] }`';
const VALUES = 'a value of the label, or a list of them';

/** Prometheus' data model: names of metrics and of labels. Labels that begin with two underscores are its own. */
const METRIC_FORM = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_FORM = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

const label = z.string({ error: LABEL }).regex(LABEL_FORM, { error: LABEL });
const value = z.string({ error: VALUES }).min(1, { error: VALUES });

const goldenKeys = z.strictObject(
  {
    requests: key(
      z
        .string({ error: METRIC })
        .regex(METRIC_FORM, { error: METRIC })
        .regex(/^(?!.*_(?:bucket|sum)$)/, { error: `${METRIC}; of a histogram its \`_count\`` }),
      {
        description: 'Counter of the requests that it answered. The `_count` of a histogram is one.',
        examples: ['http_requests_total', 'http_request_duration_seconds_count'],
      },
    ),
    status: key(label, {
      description: 'Label of `requests` with the status of the answer: a code (`500`) or a class (`5xx`).',
      examples: ['status', 'code', 'status_code'],
    }),
    duration: key(
      z
        .string({ error: HISTOGRAM })
        .regex(METRIC_FORM, { error: HISTOGRAM })
        .regex(/^(?!.*_(?:bucket|count|sum)$)/, { error: HISTOGRAM })
        .optional(),
      {
        description:
          'Histogram of the response times in seconds, without `_bucket`. A bucket must end at 0.2, and one at the threshold of `alerts.latency-p95`.',
        examples: ['http_request_duration_seconds'],
        absent: "response times are read off the load balancer's log",
      },
    ),
    except: key(
      z
        .record(
          label,
          z.union([value.transform((one) => [one]), z.array(value, { error: VALUES }).min(1, { error: VALUES })], {
            error: VALUES,
          }),
          { error: EXCEPT },
        )
        .prefault({}),
      {
        description:
          'What its series count beside the requests of people, by label: scrapes and health checks. Left out of every figure.',
        examples: [{ route: ['/metrics', '/healthz', '/readyz'] }, { handler: '/metrics' }],
        entry: { example: 'route', meaning: 'label' },
      },
    ),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? GOLDEN : undefined) },
);

const USUAL: YamlMapping = {
  requests: 'http_requests_total',
  status: 'status',
  duration: 'http_request_duration_seconds',
  except: { route: ['/metrics', '/healthz'] },
};

export const golden = key(goldenKeys.optional(), {
  description:
    "Which series of its `metrics` are the golden ones: requests, errors and response times as the app counts them itself. The load balancer's errors count as well, because no app counts a request that never reached it.",
  examples: [USUAL],
  absent: "requests, errors and response times are read off the load balancer's log",
  with: { here: { metrics: '/metrics' } },
});
