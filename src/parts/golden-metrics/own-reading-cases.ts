import type { Milliseconds } from '../../evidence/units.ts';
import { APP_JOB, OWN_RECORDED, RECORDED } from './metric-names.ts';
import { ownSeriesText } from './own-scenario.ts';
import type { Rules } from './rule.ts';
import type { RuleCase } from './rule-tests.ts';
import type { OwnService } from './settings.ts';
import { type TimedService, timedServices } from './source.ts';

/** What the records of services that count their own requests read when it is known what went in. */
export const ownReadingCases = (rules: Rules): RuleCase[] => [
  ...rules.settings.own.flatMap((own) => ofRequests(rules, own)),
  ...timedServices(rules.settings).flatMap((own) => ofTimes(rules, own)),
];

const STEPS = 12;
type Input = RuleCase['input'];

/** Reads at the end of {@link STEPS} samples, a quarter of the rates' window apart. */
function reader(rules: Rules) {
  const interval = (rules.settings.rateWindow / 4) as Milliseconds;
  return (name: string, input: Input, expr: string, value: number | undefined, step = STEPS): RuleCase => ({
    name,
    interval,
    input,
    expect: [
      {
        expr: `round(sum(${expr}), 0.001)`,
        at: (step * interval) as Milliseconds,
        samples: value === undefined ? [] : [{ labels: '{}', value }],
      },
    ],
  });
}

function ofRequests(rules: Rules, own: OwnService): RuleCase[] {
  const { service, series } = own;
  const reads = reader(rules);
  const by = (status: string, values: string, more: Readonly<Record<string, string>> = {}) => ({
    series: ownSeriesText(own, series.requests, { [series.status]: status, ...more }),
    values,
  });
  const errors = `${RECORDED.errorPercent}{service="${service}"}`;
  const up = { series: `up{job="${APP_JOB}", service="${service}", instance="${service}-1"}`, values: `1x${STEPS}` };
  const [label, [excepted = ''] = []] = Object.entries(series.except)[0] ?? [];
  return [
    reads(
      `${service} itself: one in four is an error`,
      [by('200', `0+75x${STEPS}`), by('503', `0+25x${STEPS}`)],
      errors,
      25,
    ),
    reads(
      `${service} itself: classes of status count as codes do`,
      [by('2xx', `0+75x${STEPS}`), by('5xx', `0+25x${STEPS}`)],
      errors,
      25,
    ),
    reads(`${service} itself: no series of errors is no error`, [by('200', `0+75x${STEPS}`)], errors, 0),
    reads(`${service} itself: no series at all is unknown, not 0`, [], errors, undefined),
    reads(
      `${service} itself: a label without a status is unknown, not 0`,
      [by('ok', `0+75x${STEPS}`)],
      errors,
      undefined,
    ),
    reads(
      `${service} itself: a restart is no negative rate`,
      [by('200', `0+75x${STEPS - 3} 0+75x2`)],
      `${errors} + ${OWN_RECORDED.requests}{service="${service}"} > bool 0`,
      1,
    ),
    reads(
      `${service} itself: two instances are one service`,
      [by('200', `0+50x${STEPS}`), by('500', `0+50x${STEPS}`, { instance: `${service}-2` })],
      errors,
      50,
    ),
    reads(
      `${service} itself: an error series that is born with a value is counted`,
      [up, by('200', `0+90x${STEPS}`), by('500', `_x${STEPS - 2} 40+0x2`)],
      `${errors} > bool 5`,
      1,
    ),
    ...(label === undefined
      ? []
      : [
          reads(
            `${service} itself: what is excepted is not counted`,
            [
              by('200', `0+1000x${STEPS}`, { [label]: excepted }),
              by('200', `0+50x${STEPS}`),
              by('500', `0+50x${STEPS}`),
            ],
            errors,
            50,
          ),
        ]),
  ];
}

function ofTimes(rules: Rules, own: TimedService): RuleCase[] {
  const bound = rules.settings.objectives.latencyP95;
  const reads = reader(rules);
  const within = `${RECORDED.latencyWithin}{service="${own.service}"}`;
  const bucket = (le: string, aStep: number) => ({
    series: ownSeriesText(own, `${own.duration}_bucket`, { le }),
    values: `0+${aStep}x${STEPS}`,
  });
  const end = bucket('+Inf', 1_000);
  return [
    reads(`${own.service} itself: the share within is counted`, [bucket(String(bound / 1_000), 940), end], within, 94),
    reads(
      `${own.service} itself: without a bucket at the bound the share is unknown`,
      [bucket('0.199', 940), end],
      within,
      undefined,
    ),
    reads(
      `${own.service} itself: P95 is in milliseconds`,
      [bucket(String(bound / 1_000), 950), end],
      `${RECORDED.latencyP95}{service="${own.service}"}`,
      bound,
    ),
  ];
}
