import { stringify } from 'yaml';
import type { AlertThreshold } from '../../config/app.ts';
import type { Milliseconds } from '../../evidence/units.ts';
import type { GoldenSettings } from './settings.ts';
import { promDuration } from './settings.ts';

/** A series that Prometheus computes and keeps. */
export type Recording = {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
};

/** `query comparator threshold`. Kept apart, so that a test can move the threshold and see a case fail. */
export type Condition = {
  readonly query: string;
  readonly comparator: '>' | '<' | '==';
  readonly threshold: number;
};

export type Alert = {
  readonly alert: string;
  /** All of them at the same time. */
  readonly when: readonly Condition[];
  readonly for: Milliseconds;
  readonly severity: AlertThreshold['severity'];
  /** Tells apart alerts of one name. */
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly description: string;
};

export type Rules = {
  readonly recordings: readonly Recording[];
  readonly alerts: readonly Alert[];
  readonly settings: GoldenSettings;
  readonly app: string;
};

export const conditionText = ({ query, comparator, threshold }: Condition): string =>
  `${query} ${comparator} ${threshold}`;

const alertExpression = ({ when }: Alert): string =>
  when.length === 1 ? when.map(conditionText).join('') : when.map((c) => `(${conditionText(c)})`).join(' and ');

/** Recordings are computed first: alerts read them at the same moment. */
export const RULE_GROUPS = ['holdpoint-golden-metrics', 'holdpoint-alerts'] as const;

/** The rule file, as Prometheus reads it. */
export function rulesText(rules: Rules): string {
  const { settings, app } = rules;
  const file = {
    groups: [
      { name: RULE_GROUPS[0], rules: rules.recordings },
      {
        name: RULE_GROUPS[1],
        rules: rules.alerts.map((a) => ({
          alert: a.alert,
          expr: alertExpression(a),
          for: promDuration(a.for),
          labels: { severity: a.severity, app, environment: settings.environment, ...a.labels },
          annotations: {
            summary: a.summary,
            description: a.description,
            runbook_url: `${settings.runbook}#${a.alert.toLowerCase()}`,
          },
        })),
      },
    ],
  };
  return stringify(file, { lineWidth: 0 });
}
