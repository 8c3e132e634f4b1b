import { GraphThresholdsStyleConfigBuilder, GraphThresholdsStyleMode } from '@grafana/grafana-foundation-sdk/common';
import type { Threshold } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { AlertThreshold, App } from '../../config/app.ts';
import { hours } from '../../evidence/units.ts';
import { burnRecord, serviceLevels } from './burn-rate.ts';
import { RECORDED, UNIT_RESTARTS } from './metric-names.ts';
import type { GoldenSettings, OwnService } from './settings.ts';
import { promDuration } from './settings.ts';
import { errorSources, recordedBy, sourceText, timedServices } from './source.ts';

/** One curve of a panel. */
export type PanelQuery = { readonly panel: string; readonly refId: string; readonly expr: string };

type Curve = { readonly expr: string; readonly legend: string };

/** A panel as data. Nothing is shown that nothing measures. */
type GoldenPanel = {
  readonly title: string;
  readonly description: string;
  /** A unit as Grafana names it. */
  readonly unit: string;
  readonly curves: readonly Curve[];
  /** Where the curve must not go, from the objective (yellow) and the alert (red). */
  readonly limits: readonly Limit[];
};
type Limit = { readonly value: number; readonly colour: 'blue' | 'yellow' | 'red'; readonly bad: 'above' | 'below' };
type Row = { readonly title: string; readonly panels: readonly GoldenPanel[] };

function rows(app: App, settings: GoldenSettings): Row[] {
  const { objectives } = settings;
  const limits = (metric: AlertThreshold['metric'], objective: number | undefined): Limit[] => {
    const bad = metric === 'certificate-days' ? 'below' : 'above';
    const alert = app.alerts.find((a) => a.metric === metric);
    return [
      ...(objective === undefined ? [] : [{ value: objective, colour: 'yellow', bad } as const]),
      ...(alert === undefined ? [] : [{ value: alert.threshold, colour: 'red', bad } as const]),
    ];
  };
  const one = (expr: string, legend: string): readonly Curve[] => [{ expr, legend }];
  const traffic = trafficCurves(settings);
  const [counted, timed] = [traffic.from('requests'), traffic.from('duration')];
  return [
    {
      title: settings.own.length === 0 ? 'Traffic at the load balancer' : 'Traffic at the load balancer and in the app',
      panels: [
        {
          title: 'Request rate',
          description: `The line is the load that must be carried: ${objectives.requestsPerMinute} a minute. ${counted}`,
          unit: 'reqpm',
          curves: traffic.curves(RECORDED.requestsPerMinute, 'requests a minute', settings.own),
          limits: [{ value: objectives.requestsPerMinute, colour: 'blue', bad: 'above' }],
        },
        {
          title: 'Error rate',
          description: `Answers with 5xx in percent of all answers. No curve where nothing was answered. ${counted}`,
          unit: 'percent',
          curves: traffic.curves(RECORDED.errorPercent, 'errors', settings.own),
          limits: limits('error-rate', objectives.errorPercent),
        },
        {
          title: 'Response time P95',
          description: `From the access log it is within 2 % near the objective and the alert, exact at both; from an app's own histogram as fine as its buckets. ${timed}`,
          unit: 'ms',
          curves: traffic.curves(RECORDED.latencyP95, 'P95', timedServices(settings)),
          limits: limits('latency-p95', objectives.latencyP95),
        },
        {
          title: `Requests within ${objectives.latencyP95} ms`,
          description: `Counted, not interpolated. The objective is met at 95 % and above. ${timed}`,
          unit: 'percent',
          curves: traffic.curves(RECORDED.latencyWithin, 'within', timedServices(settings)),
          limits: [{ value: 95, colour: 'yellow', bad: 'below' }],
        },
      ],
    },
    {
      title: 'Resources',
      panels: [
        {
          title: 'CPU',
          description: "In percent of all of the host's cores.",
          unit: 'percent',
          curves: [
            { expr: RECORDED.cpuPercent, legend: 'all units' },
            { expr: RECORDED.cpuPercentOfService, legend: '{{service}}' },
          ],
          limits: limits('cpu', objectives.cpuPercent),
        },
        {
          title: 'Memory',
          description: 'Resident memory of each unit; the yellow line is the objective for a service.',
          unit: 'bytes',
          curves: one(RECORDED.memoryBytes, '{{unit}}'),
          limits: [{ value: objectives.memoryBytes, colour: 'yellow', bad: 'above' }],
        },
        {
          title: 'Memory of its limit',
          description: 'Memory of the units of each service in percent of what the runtime lets them have.',
          unit: 'percent',
          curves: one(RECORDED.memoryPercent, '{{unit}}'),
          limits: limits('memory', undefined),
        },
        ...(app.database?.managed.kind !== 'by-holdpoint'
          ? []
          : [
              {
                title: 'Database connections',
                description: 'Of all databases of the server.',
                unit: 'short',
                curves: one(RECORDED.connections, 'connections'),
                limits: limits('database-connections', objectives.databaseConnections),
              },
            ]),
      ],
    },
    {
      title: 'Trust',
      panels: [
        {
          title: 'Days until the certificate ends',
          description: 'As a probe sees it in a TLS handshake.',
          unit: 'short',
          curves: one(RECORDED.certificateDays, '{{instance}}'),
          limits: limits('certificate-days', undefined),
        },
        {
          title: 'Burn rate of the error budgets',
          description: 'Over one hour. At 1 the budget of 30 days lasts 30 days.',
          unit: 'short',
          curves: serviceLevels(settings).map(({ name, source }) => ({
            expr: recordedBy(burnRecord(name, hours(1)), source, settings),
            legend: source.kind === 'own' ? `${name} (${source.service})` : name,
          })),
          limits: [
            { value: 1, colour: 'yellow', bad: 'above' },
            { value: 14.4, colour: 'red', bad: 'above' },
          ],
        },
        {
          title: 'Targets that can be read',
          description: 'At 0 a target cannot be read, and what it would say is unknown.',
          unit: 'short',
          curves: one('min by (job) (up)', '{{job}}'),
          limits: [{ value: 1, colour: 'red', bad: 'below' }],
        },
        {
          title: 'Restarts',
          description: 'How often the runtime has started a unit again after it ended by itself.',
          unit: 'short',
          curves: one(`max by (unit) (${UNIT_RESTARTS})`, '{{unit}}'),
          limits: [],
        },
      ],
    },
  ];
}

/** Curves of what the load balancer counts and, beside it, of what services count themselves. */
function trafficCurves(settings: GoldenSettings) {
  return {
    curves: (record: string, legend: string, own: readonly OwnService[]): readonly Curve[] =>
      errorSources({ own }).map((source) => ({
        expr: recordedBy(record, source, settings),
        legend:
          own.length === 0
            ? legend
            : `${legend}, ${source.kind === 'own' ? `${source.service} itself` : 'load balancer'}`,
      })),
    from: (about: Parameters<typeof sourceText>[1]): string => {
      const own = about === 'duration' ? timedServices(settings) : settings.own;
      const texts = errorSources({ own }).map((source) => sourceText(source, about));
      return `Figures: ${texts.join('; ')}.`;
    },
  };
}

const refId = (index: number): string => String.fromCharCode('A'.charCodeAt(0) + index);

/** Every query of the dashboard, so that each can be put to the live Prometheus before the dashboard is handed over. */
export const dashboardQueries = (app: App, settings: GoldenSettings): PanelQuery[] =>
  rows(app, settings).flatMap((row) =>
    row.panels.flatMap((panel) =>
      panel.curves.map((curve, index) => ({ panel: panel.title, refId: refId(index), expr: curve.expr })),
    ),
  );

/**
 * The dashboard as Grafana imports it; it asks for the Prometheus data source on import.
 *
 * @param description says where it comes from
 */
export function dashboardText(app: App, settings: GoldenSettings, description: string): string {
  const dashboard = new DashboardBuilder(`${app.name}: golden metrics (${settings.environment})`)
    .uid(`holdpoint-${app.name}-${settings.environment}`.slice(0, LONGEST_UID))
    .description(description)
    .tags(['holdpoint', app.name, settings.environment])
    .readonly()
    .refresh(promDuration(settings.scrapeInterval))
    .time({ from: 'now-1h', to: 'now' })
    .withVariable(new DatasourceVariableBuilder(DATASOURCE).label('Prometheus').type('prometheus'));
  for (const row of rows(app, settings)) {
    dashboard.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) dashboard.withPanel(panelBuilder(panel));
  }
  return `${JSON.stringify(dashboard.build(), null, 2)}\n`;
}

/** Grafana refuses a longer one. */
const LONGEST_UID = 40;
const DATASOURCE = 'datasource';

function panelBuilder(panel: GoldenPanel): PanelBuilder {
  const datasource = { type: 'prometheus', uid: `\${${DATASOURCE}}` };
  const built = new PanelBuilder()
    .title(panel.title)
    .description(panel.description)
    .unit(panel.unit)
    .datasource(datasource)
    .span(PANEL.width)
    .height(PANEL.height)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(thresholdSteps(panel.limits)))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  panel.curves.forEach((curve, index) => {
    built.withTarget(
      new DataqueryBuilder()
        .datasource(datasource)
        .refId(refId(index))
        .expr(curve.expr)
        .legendFormat(curve.legend)
        .range(),
    );
  });
  return built;
}

/** Four panels in a row of 24 columns. */
const PANEL = { width: 6, height: 8 };

/** Grafana's steps rise, and each colours what lies above it; what must not be low is red from the bottom. */
function thresholdSteps(limits: readonly Limit[]): Threshold[] {
  const sorted = [...limits].sort((a, b) => a.value - b.value);
  const lowest = sorted[0];
  if (lowest?.bad === 'below')
    return [
      { value: null, color: lowest.colour },
      { value: lowest.value, color: 'green' },
    ];
  return [{ value: null, color: 'green' }, ...sorted.map((l) => ({ value: l.value, color: l.colour }))];
}
