import { stringify } from 'yaml';
import type { App } from '../../config/app.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import { ownReadingCases } from './own-reading-cases.ts';
import { readingCases } from './reading-cases.ts';
import type { Alert, Condition, Rules } from './rule.ts';
import { RULE_GROUPS } from './rule.ts';
import type { Behaviour, Scenario } from './scenario.ts';
import { scenarios } from './scenario.ts';
import { promDuration } from './settings.ts';

/** A file for `promtool test rules`. */
export type RuleTestFile = { readonly name: string; readonly content: string };

/** One case: series go in, and what an expression reads at a moment is compared. */
export type RuleCase = {
  readonly name: string;
  readonly interval: Milliseconds;
  readonly input: readonly { readonly series: string; readonly values: string }[];
  readonly expect: readonly {
    readonly expr: string;
    readonly at: Milliseconds;
    readonly samples: readonly { readonly labels: string; readonly value: number }[];
  }[];
};

/**
 * Cases for `promtool test rules`: each alert is silent, fires, and recovers; each golden metric reads what went in. One
 * file for each interval, because promtool evaluates a whole file at one.
 *
 * @param rulesFile path of the rule file, relative to the test files
 */
export function ruleTests(rules: Rules, app: App, rulesFile: string): RuleTestFile[] {
  return testFiles(
    [...scenarios(rules, app).map(alertCase), ...readingCases(rules), ...ownReadingCases(rules)],
    rulesFile,
  );
}

/** One alert with the recordings that it reads, and nothing else: quick to evaluate. */
export const rulesOf = (alert: Alert, rules: Rules): Rules => ({
  ...rules,
  alerts: [alert],
  recordings: rules.recordings.filter(({ record }) => alert.when.some(({ query }) => query.includes(record))),
});

/** The case of one alert alone, to see it fail when the alert's threshold is moved. */
export const testOf = (alert: Alert, rules: Rules, app: App, rulesFile: string): RuleTestFile[] =>
  testFiles(
    scenarios(rules, app)
      .filter((s) => s.alert === alert)
      .map(alertCase),
    rulesFile,
  );

function testFiles(cases: readonly RuleCase[], rulesFile: string): RuleTestFile[] {
  const intervals = [...new Set(cases.map((c) => c.interval))].sort((a, b) => a - b);
  return intervals.map((interval) => ({
    name: `rules-every-${promDuration(interval)}.test.yml`,
    content: stringify(
      {
        rule_files: [rulesFile],
        evaluation_interval: promDuration(interval),
        group_eval_order: RULE_GROUPS,
        tests: cases.filter((c) => c.interval === interval).map(testGroup),
      },
      { lineWidth: 0, aliasDuplicateObjects: false },
    ),
  }));
}

const testGroup = (c: RuleCase) => ({
  interval: promDuration(c.interval),
  name: c.name,
  input_series: c.input,
  promql_expr_test: c.expect.map(({ expr, at, samples }) => ({
    expr,
    eval_time: promDuration(at),
    exp_samples: samples,
  })),
});

function alertCase(scenario: Scenario): RuleCase {
  const { alert, interval, lengths } = scenario;
  const [calmEnd, beyondEnd] = [lengths.calm, lengths.calm + lengths.beyond];
  const end = beyondEnd + lengths.after;
  const expr = firing(alert);
  const fires = [{ labels: alertLabels(alert), value: 1 }];
  const at = (time: number, samples: typeof fires) => ({ expr, at: onGrid(time, interval), samples });
  return {
    name: `${alert.alert} ${Object.values(alert.labels).join(' ')}`.trim(),
    interval,
    input: Object.entries(scenario.calm).map(([series, calm]) => ({
      series,
      values: valuesOf(
        [
          { ...steps(calmEnd, interval), does: calm },
          { ...steps(lengths.beyond, interval), does: scenario.beyond[series] ?? calm },
          { ...steps(lengths.after, interval), does: afterwards(calm) },
        ],
        interval,
      ),
    })),
    expect: [
      at(calmEnd - interval, []),
      // Not before it has lasted: an alert that fires at once would call people for a blink.
      ...(alert.for > interval ? [at(calmEnd + alert.for - interval, [])] : []),
      at(beyondEnd - interval, fires),
      at(end - interval, []),
    ],
  };
}

/** A crash loop is over when nothing restarts any more. */
const afterwards = (calm: Behaviour): Behaviour => (calm.kind === 'jumps' ? { kind: 'jumps', by: 0 } : calm);

const onGrid = (time: number, interval: Milliseconds): Milliseconds =>
  (Math.floor(time / interval) * interval) as Milliseconds;

const steps = (length: number, interval: Milliseconds) => ({ count: Math.floor(length / interval) });

/** Whether exactly this alert fires: 1, or no sample. */
function firing(alert: Alert): string {
  const labels = { alertname: alert.alert, alertstate: 'firing', ...alert.labels };
  const matchers = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `max by (alertname, severity) (ALERTS{${matchers.join(', ')}})`;
}

const alertLabels = (alert: Alert): string => `{alertname="${alert.alert}", severity="${alert.severity}"}`;

type Segment = { readonly count: number; readonly does: Behaviour };

/** Samples in promtool's notation: `0+10x3` is 0 10 20 30; `_` is no sample; `stale` ends a series. */
export function valuesOf(segments: readonly Segment[], interval: Milliseconds): string {
  let counter = 0;
  const write = ({ count, does }: Segment): string[] => {
    if (count <= 0) return [];
    const repeat = (start: number, step: number) => [`${start}+${step}x${count - 1}`];
    switch (does.kind) {
      case 'level':
        return repeat(does.value, 0);
      case 'grows': {
        const step = (does.perSecond * interval) / 1_000;
        const start = counter;
        counter += step * count;
        return repeat(start, step);
      }
      case 'jumps': {
        const before = Math.floor(count / 2);
        const start = counter;
        counter += does.by;
        return [...(before > 0 ? [`${start}+0x${before - 1}`] : []), `${counter}+0x${count - before - 1}`];
      }
      case 'gone':
        return count > 1 ? ['stale', `_x${count - 1}`] : ['stale'];
    }
  };
  return segments.flatMap(write).join(' ');
}

/**
 * The rules with one alert's threshold moved: `deaf` so far that it does not fire when it should, `jumpy` so far that it
 * fires when it should not. The case of {@link testOf} must notice; if it does not, it tests nothing. An alert on what is
 * absent cannot become jumpy by its threshold: for it, `jumpy` changes nothing.
 */
export function withMovedThreshold(rules: Rules, alert: Alert, towards: 'deaf' | 'jumpy'): Rules {
  return {
    ...rules,
    alerts: rules.alerts.map((a) => (a === alert ? { ...a, when: a.when.map((c) => moved(c, towards)) } : a)),
  };
}

function moved(condition: Condition, towards: 'deaf' | 'jumpy'): Condition {
  const { comparator, threshold } = condition;
  const away = towards === 'deaf';
  switch (comparator) {
    case '>':
      return { ...condition, threshold: away ? threshold * 2 + 1 : threshold / 2 };
    case '<':
      return { ...condition, threshold: away ? threshold / 2 : threshold * 2 };
    case '==':
      return { ...condition, threshold: away ? threshold + 2 : threshold + 1 };
  }
}
