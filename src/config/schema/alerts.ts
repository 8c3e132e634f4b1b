import * as z from 'zod';
import { type KeyText, key } from './key.ts';
import { duration, durationInDays, percentage, positiveWhole } from './values.ts';

const severity = z.enum(['page', 'ticket'], { error: '`page` or `ticket`' });

type Usual = { readonly threshold: string | number; readonly for: string; readonly severity: 'page' | 'ticket' };

/** One alert: a bare threshold, a mapping, or `false` for none. The usual values come from the plan's table. */
function alert<S extends z.ZodType<number>>(
  threshold: S,
  thresholdText: string,
  usual: Usual,
  description: string,
  needs: Pick<KeyText, 'with'> = {},
) {
  const error = `${thresholdText}, a mapping with \`threshold\`, \`for\` or \`severity\`, or \`false\``;
  const keys = z.strictObject(
    {
      threshold: key(threshold.prefault(usual.threshold as z.input<S> & {}), {
        description: 'The value beyond which it fires.',
        examples: [usual.threshold],
      }),
      for: key(duration.prefault(usual.for), { description: 'How long it must hold.', examples: [usual.for] }),
      severity: key(severity.default(usual.severity), {
        description: '`page` wakes somebody, `ticket` can wait for the morning.',
        examples: [usual.severity],
      }),
    },
    { error: (issue) => (issue.code === 'invalid_type' ? error : undefined) },
  );
  const short = threshold.transform((value) => ({ ...keys.parse({}), threshold: value }));
  return key(z.union([z.literal(false), short, keys], { error }).prefault({}), {
    description,
    examples: [usual.threshold, { threshold: usual.threshold, for: usual.for, severity: usual.severity }, false],
    ...needs,
  });
}

const ALERTS = 'a mapping of alerts';
const PERCENT = 'a percentage such as `85 %`';

const alertKeys = z.strictObject(
  {
    'error-rate': alert(
      percentage,
      PERCENT,
      { threshold: '1 %', for: '2m', severity: 'page' },
      'Fires above this part of requests answered with 5xx.',
    ),
    'latency-p95': alert(
      duration,
      'a duration such as `500ms`',
      { threshold: '500ms', for: '5m', severity: 'page' },
      'Fires above this response time, P95.',
    ),
    cpu: alert(
      percentage,
      PERCENT,
      { threshold: '85 %', for: '10m', severity: 'ticket' },
      'Fires above this use of the processors.',
    ),
    memory: alert(
      percentage,
      PERCENT,
      { threshold: '90 %', for: '5m', severity: 'ticket' },
      "Fires above this part of a service's `memory`.",
    ),
    'database-connections': alert(
      positiveWhole('a whole number of connections', 100_000),
      'a whole number of connections',
      { threshold: 150, for: '5m', severity: 'page' },
      'Fires above this number of connections; without a database there is no such alert.',
      { with: { file: { database: 'postgres' } } },
    ),
    'certificate-days': alert(
      durationInDays,
      'a number of days such as `30d`',
      { threshold: '30d', for: '1h', severity: 'ticket' },
      'Fires when the certificate has less than this before it expires.',
    ),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? ALERTS : undefined) },
);

export const alerts = key(alertKeys.prefault({}), {
  description: 'When somebody is told. Each has a usual value; `false` turns one off.',
  examples: [{ 'error-rate': '1 %', cpu: false }],
});

export type AlertsInput = z.output<typeof alertKeys>;
