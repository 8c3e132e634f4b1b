import { days, minutes } from '../evidence/units.ts';
import type { BurnRate, ServiceLevel } from '../parts/golden-metrics/burn-rate.ts';
import { BUDGET_PERIOD, BURN_RATES, budgetSpent, serviceLevels } from '../parts/golden-metrics/burn-rate.ts';
import { GOLDEN, UNDER_LOAD } from '../parts/golden-metrics/queries.ts';
import type { GoldenSettings } from '../parts/golden-metrics/settings.ts';
import { errorSources, labelsOf, latencySources, sourceText } from '../parts/golden-metrics/source.ts';
import type { Entry, Finding } from '../plan/finding.ts';
import { markOfFinding, NEVER_MEASURED } from '../plan/mark.ts';
import type { StepId } from '../plan/step.ts';
import type { Block, Inline } from './document.ts';
import {
  certainty,
  code,
  demand,
  figure,
  heading,
  joined,
  length,
  line,
  list,
  marked,
  name,
  paragraph,
  prose,
  renderMarkdown,
  table,
  workedOut,
} from './document.ts';
import { numberText } from './format.ts';
import { ALERTS_ELSEWHERE, head } from './head.ts';
import type { Deliverable, DocumentSource } from './source.ts';
import { entriesOf, findingsOf, stepsOf } from './source.ts';

/** Metrics that speak about one objective, in a load test and in the window. */
type GoldenRow = {
  readonly metrics: readonly string[];
  readonly title: Inline;
  readonly asks: Inline;
};

/** The objectives of task A.3, in the order of the plan's table. */
const goldenRows = ({ objectives: o, loadBalancerLatency }: GoldenSettings): readonly GoldenRow[] => [
  {
    metrics: [UNDER_LOAD.requestRate, GOLDEN.requestRate],
    title: prose('request rate carried'),
    asks: demand(o.requestsPerMinute, 'per-minute', '>='),
  },
  {
    metrics: [UNDER_LOAD.errorRate, GOLDEN.errorRate],
    title: prose('error rate'),
    asks: demand(o.errorPercent, 'percent', '<'),
  },
  {
    metrics: [UNDER_LOAD.latencyP95, GOLDEN.latencyP95],
    title: prose('response time, ninety-fifth percentile'),
    asks: demand(o.latencyP95, 'ms', '<'),
  },
  {
    metrics: [GOLDEN.latencyWithin],
    title: line(prose('requests within'), demand(o.latencyP95, 'ms')),
    asks: demand(95, 'percent', '>='),
  },
  ...(loadBalancerLatency === 'judged'
    ? []
    : [
        {
          metrics: [GOLDEN.latencyWithinAtLoadBalancer],
          title: line(prose('the same at the load balancer, which only warns,'), demand(o.latencyP95, 'ms')),
          asks: demand(95, 'percent', '>='),
        },
      ]),
  { metrics: [GOLDEN.cpu], title: prose('CPU, of all cores'), asks: demand(o.cpuPercent, 'percent', '<') },
  { metrics: [GOLDEN.memory], title: prose('memory of a service'), asks: demand(o.memoryBytes, 'bytes', '<') },
  {
    metrics: [GOLDEN.connections],
    title: prose('database connections'),
    asks: demand(o.databaseConnections, 'count', '<'),
  },
];

/** What is promised, what was measured of it, and how much may still go wrong. */
export function serviceLevelAgreement(source: DocumentSource): Deliverable {
  const blocks = [
    ...head(source, prose('Service levels: production'), ['A.3', 'A.4']),
    heading(2, prose('Objectives')),
    paragraph(
      prose('An objective is kept only as far as it was measured.'),
      prose('What stands beside it as unknown is a promise without evidence.'),
    ),
    ...objectives(source),
    ...whereFrom(source),
    heading(2, prose('Error budgets')),
    ...errorBudgets(source),
    heading(2, prose('When somebody is called')),
    ...burnRates(source),
  ];
  return { path: 'Production_SLA.md', content: renderMarkdown(blocks) };
}

type Seen = { readonly step: StepId; readonly finding: Finding };

/** Everything that was asked about a metric before, during and after the deployment. */
const seenOf = (source: DocumentSource, metrics: readonly string[]): Seen[] =>
  stepsOf(source, 'A.1', 'A.3', 'A.4').flatMap((step) =>
    findingsOf(source, step)
      .filter((f) => metrics.includes(f.objective.metric))
      .map((finding) => ({ step: step.id, finding })),
  );

function objectives(source: DocumentSource): Block[] {
  const rows = goldenRows(source.golden).filter(
    (r) => source.app.database?.managed.kind === 'by-holdpoint' || !r.metrics.includes(GOLDEN.connections),
  );
  const unasked: Inline[] = [];
  const lines = rows.flatMap((row) => {
    const seen = seenOf(source, row.metrics);
    if (seen.length === 0) unasked.push(row.title);
    return seen.length === 0
      ? [[row.title, row.asks, figure(undefined), prose('–'), marked(NEVER_MEASURED), prose('no step')]]
      : seen.map(({ step, finding }) => [
          row.title,
          demand(finding.objective.threshold, finding.objective.unit, finding.objective.comparator),
          line(figure(finding.entry, finding.objective.threshold), ...whatOf(finding.entry)),
          certainty(finding.entry),
          marked(markOfFinding(finding)),
          code(step),
        ]);
  });
  return [
    table(
      [prose('objective'), prose('asked'), prose('measured'), prose('interval and n'), prose('verdict'), prose('step')],
      lines,
    ),
    ...(unasked.length === 0 ? [] : [paragraph(prose('No step of this plan measures:')), list(unasked)]),
  ];
}

/** Who counts what in production. A load test's figures are the load generator's own. */
function whereFrom({ app, golden }: DocumentSource): Block[] {
  if (app.observe !== undefined || app.prometheus !== undefined) return [];
  const latency = latencySources(golden).map((s) => line(prose('response times:'), name(sourceText(s, 'duration'))));
  return [
    paragraph(prose('Where the figures of production come from; each is judged by itself:')),
    list([
      ...errorSources(golden).map((s) => line(prose('requests and errors:'), name(sourceText(s, 'requests')))),
      ...latency,
    ]),
  ];
}

const whatOf = (entry: Entry | undefined): Inline[] =>
  entry === undefined || entry.measurement.of === '' ? [] : [line(prose('of'), name(entry.measurement.of))];

const PERIOD_MINUTES = BUDGET_PERIOD / minutes(1);

/** Arithmetic of the promise, and beside it what the window spent. */
function errorBudgets(source: DocumentSource): Block[] {
  const { objectives: o } = source.golden;
  const spent = (level: ServiceLevel): Inline => {
    const metric = level.name === 'availability' ? GOLDEN.errorRate : GOLDEN.latencyWithin;
    const missed = (percent: number) => (level.name === 'availability' ? percent : 100 - percent) / 100;
    return workedOut(windowEntry(source, metric, labelsOf(level.source).service ?? ''), (percent) =>
      numberText(missed(percent) / level.budget),
    );
  };
  return [
    paragraph(
      prose('A budget is what an objective allows to go wrong in'),
      joined(length(BUDGET_PERIOD), prose(',')),
      prose(
        'worked out at the request rate that must be carried. At a burn rate of one it lasts just so long; below one there is some left.',
      ),
    ),
    table(
      [
        prose('objective'),
        prose('a request spends budget when it'),
        prose('budget'),
        prose('requests in the period'),
        prose('or total outage for'),
        prose('burn rate in the window'),
      ],
      serviceLevels(source.golden).map((level) => [
        levelName(source, level),
        name(level.miss),
        demand(level.budget * 100, 'percent'),
        demand(level.budget * o.requestsPerMinute * PERIOD_MINUTES, 'count'),
        length((level.budget * BUDGET_PERIOD) as typeof BUDGET_PERIOD),
        spent(level),
      ]),
    ),
  ];
}

/** With its source where there are several. */
const levelName = ({ golden }: DocumentSource, { name: level, source }: ServiceLevel): Inline =>
  golden.own.length === 0
    ? name(level)
    : line(joined(name(level), prose(',')), name(sourceText(source, level === 'latency' ? 'duration' : 'requests')));

/** The newest entry of the monitoring window about a metric of the whole app or of a service, in percent. */
const windowEntry = (source: DocumentSource, metric: string, of: string): Entry | undefined =>
  stepsOf(source, 'A.4')
    .flatMap((step) => entriesOf(source, step))
    .filter((e) => e.measurement.metric === metric && e.measurement.of === of && e.measurement.unit === 'percent')
    .sort((a, b) => a.measurement.to - b.measurement.to)
    .at(-1);

function burnRates(source: DocumentSource): Block[] {
  if (source.app.observe !== undefined) return [paragraph(prose(ALERTS_ELSEWHERE))];
  const fires = (rate: BurnRate) => serviceLevels(source.golden).some((l) => l.budget * rate.factor < 1);
  return [
    paragraph(prose('Both windows must agree: the long one shows that it matters, the short one that it goes on.')),
    table(
      [
        prose('burn rate above'),
        prose('long window'),
        prose('short window'),
        prose('spent by then'),
        prose('budget gone after'),
        prose('what happens'),
      ],
      BURN_RATES.filter(fires).map((rate) => [
        demand(rate.factor, 'count'),
        length(rate.long),
        length(rate.short),
        demand(budgetSpent(rate) * 100, 'percent'),
        demand(Math.round((BUDGET_PERIOD / days(1) / rate.factor) * 10) / 10, 'days'),
        name(rate.severity),
      ]),
    ),
  ];
}
