import type { Milliseconds } from '../../evidence/units.ts';
import { leLabel } from './buckets.ts';
import { DATABASE_CONNECTIONS, HOST_CORES, LB_DURATION, LB_REQUESTS, RECORDED, UNIT_CPU } from './metric-names.ts';
import type { Rules } from './rule.ts';
import type { RuleCase } from './rule-tests.ts';

/**
 * What the recorded golden metrics read when it is known what went in. The cases are those in which others' dashboards
 * show a number that is wrong: no traffic, no error series, an error series that begins in the middle, a P95 beside a
 * bucket's bound.
 */
export function readingCases(rules: Rules): RuleCase[] {
  const interval = (rules.settings.rateWindow / 4) as Milliseconds;
  const bound = rules.settings.objectives.latencyP95;
  const at = (5 * rules.settings.rateWindow) as Milliseconds;
  const steady = (perSecond: number) => `0+${(perSecond * interval) / 1_000}x${Math.ceil(at / interval)}`;
  const reads = (name: string, input: RuleCase['input'], expr: string, value: number | undefined): RuleCase => ({
    name,
    interval,
    input,
    expect: [{ expr: rounded(expr), at, samples: value === undefined ? [] : [{ labels: '{}', value }] }],
  });
  const ok = { series: `${LB_REQUESTS}{class="2xx"}`, values: steady(100) };
  const within = (share: number) => [
    { series: `${LB_DURATION}_bucket{le="${leLabel(bound)}"}`, values: steady(1_000 * share) },
    { series: `${LB_DURATION}_bucket{le="${leLabel(2 * bound)}"}`, values: steady(1_000) },
    { series: `${LB_DURATION}_bucket{le="+Inf"}`, values: steady(1_000) },
  ];
  const cpu = { series: `${UNIT_CPU}{unit="a-1", service="a"}`, values: steady(1) };

  return [
    reads('requests a minute', [ok], RECORDED.requestsPerMinute, 6_000),
    reads('answers without an error series are zero errors', [ok], RECORDED.errorPercent, 0),
    reads('no request series: the error rate is unknown, not 0', [], RECORDED.errorPercent, undefined),
    reads('no request series: the request rate is unknown, not 0', [], RECORDED.requestsPerMinute, undefined),
    reads(
      'a request series that stands still: the error rate is unknown, not 0',
      [{ series: `${LB_REQUESTS}{class="2xx"}`, values: steady(0) }],
      RECORDED.errorPercent,
      undefined,
    ),
    reads(
      'one answer in four is an error',
      [
        { series: `${LB_REQUESTS}{class="2xx"}`, values: steady(75) },
        { series: `${LB_REQUESTS}{class="5xx"}`, values: steady(25) },
      ],
      RECORDED.errorPercent,
      25,
    ),
    bornErrors(rules, interval),
    reads('P95 at its objective is read exactly', within(0.95), RECORDED.latencyP95, bound),
    reads('the share within the objective is counted', within(0.94), RECORDED.latencyWithin, 94),
    reads('no requests: P95 is unknown', within(0).map(still), RECORDED.latencyP95, undefined),
    reads(
      'one core of four is 25 % of the host',
      [cpu, { series: HOST_CORES, values: `4+0x${Math.ceil(at / interval)}` }],
      RECORDED.cpuPercent,
      25,
    ),
    reads('without the number of cores the share is unknown', [cpu], RECORDED.cpuPercent, undefined),
    ...(rules.recordings.some((r) => r.record === RECORDED.connections)
      ? [
          reads(
            'connections of all databases',
            ['app', 'postgres'].map((name) => ({
              series: `${DATABASE_CONNECTIONS}{datname="${name}"}`,
              values: `20+0x${Math.ceil(at / interval)}`,
            })),
            RECORDED.connections,
            40,
          ),
        ]
      : []),
  ];
}

/** To a thousandth; takes the series' name away, which promtool would compare too. */
const rounded = (expr: string) => `round(${expr}, 0.001)`;

const still = <S extends { readonly values: string }>(input: S): S => ({ ...input, values: '0+0x1000' });

/** A burst of errors that is over before the second scrape must be seen, although the series never rises. */
function bornErrors(rules: Rules, interval: Milliseconds): RuleCase {
  const window = rules.settings.rateWindow;
  const birth = 4 * Math.ceil(window / interval);
  return {
    name: 'an error series that is born with a value is counted from its birth',
    interval,
    input: [
      { series: `${LB_REQUESTS}{class="2xx"}`, values: `0+100x${3 * birth}` },
      { series: `${LB_REQUESTS}{class="5xx"}`, values: `_x${birth} 50+0x${birth}` },
    ],
    expect: [
      {
        expr: `${RECORDED.errorPercent} > bool 1`,
        at: ((birth + 2) * interval) as Milliseconds,
        samples: [{ labels: '{}', value: 1 }],
      },
      {
        expr: rounded(RECORDED.errorPercent),
        at: (3 * birth * interval) as Milliseconds,
        samples: [{ labels: '{}', value: 0 }],
      },
    ],
  };
}
