import { goldenRules } from '../parts/golden-metrics/rules.ts';
import { RUNBOOKS } from '../parts/golden-metrics/runbooks.ts';
import type { ProcedureFile, ProcedureStep } from '../plan/procedure.ts';
import type { Block, Inline } from './document.ts';
import {
  code,
  commands,
  heading,
  joined,
  line,
  list,
  listed,
  name,
  paragraph,
  prose,
  renderMarkdown,
  table,
} from './document.ts';
import { ALERTS_ELSEWHERE, head } from './head.ts';
import type { Deliverable, DocumentSource } from './source.ts';
import { stateOf, stepsOf } from './source.ts';
import { standing } from './step-section.ts';

/** How the release is put into production: the same values that task A.2 carries out, with the times that they took. */
export function deploymentProcedures(source: DocumentSource): Deliverable {
  const blocks = [
    ...head(source, prose('Production deployment procedures'), ['A.2']),
    heading(2, prose('Steps and how long they took')),
    ...durations(source),
    ...source.procedures.flatMap((p) => [
      heading(2, name(p.title)),
      ...p.steps.flatMap((step) => procedureSection(source, step)),
    ]),
    ...(source.procedures.length === 0
      ? [heading(2, prose('Procedures')), paragraph(prose('None is described yet.'))]
      : []),
    ...runbooks(source),
  ];
  return { path: 'PRODUCTION_DEPLOYMENT_PROCEDURES.md', content: renderMarkdown(blocks) };
}

function durations(source: DocumentSource): Block[] {
  const steps = stepsOf(source, 'A.2');
  if (steps.length === 0) return [paragraph(prose('No step is built.'))];
  return [
    table(
      [prose('step'), prose('what it does'), prose('came to')],
      steps.map((step) => [code(step.id), name(step.title), standing(source, step, stateOf(source, step))]),
    ),
  ];
}

/** One step as a person would do it by hand. */
export function procedureSection(source: DocumentSource, step: ProcedureStep): Block[] {
  const planned = source.plan.steps.find((s) => s.id === step.step);
  return [
    heading(3, name(step.title)),
    paragraph(
      joined(code(step.step), prose(':')),
      planned === undefined
        ? prose('not a step of this plan; nothing is known of it')
        : standing(source, planned, stateOf(source, planned)),
    ),
    ...(step.files.length === 0 ? [] : [paragraph(prose('Files:')), files(step.files)]),
    ...(step.commands.length === 0 ? [] : [paragraph(prose('Commands:')), commands(step.commands)]),
    ...(step.units.length === 0 ? [] : [paragraph(prose('Units:'), listed(step.units.map(code)))]),
    ...(step.rollback.length === 0
      ? [paragraph(prose('Way back: none.'))]
      : [paragraph(prose('Way back:')), commands(step.rollback)]),
  ];
}

const files = (all: readonly ProcedureFile[]): Block =>
  table(
    [prose('file'), prose('mode'), prose('user'), prose('holds')],
    all.map((f) => [code(f.path), code(f.mode.toString(8).padStart(4, '0')), name(f.user), name(f.holds)]),
  );

/** What to do when an alert comes; each alert's `runbook_url` leads to its heading. */
function runbooks({ app, golden }: DocumentSource): Block[] {
  if (app.observe !== undefined) return [heading(2, prose('When an alert comes')), paragraph(prose(ALERTS_ELSEWHERE))];
  const { alerts } = goldenRules(app, golden);
  const sections = [...new Set(alerts.map((a) => a.alert))].flatMap((alert): Block[] => [
    heading(3, name(alert)),
    list(
      alerts
        .filter((a) => a.alert === alert)
        .map((a): Inline => line(code(a.severity), name(readable(a.summary, a.labels)))),
    ),
    paragraph(prose('First:')),
    list((RUNBOOKS[alert] ?? []).map((text) => name(text))),
  ]);
  return [heading(2, prose('When an alert comes')), ...sections];
}

/** A summary without Prometheus' placeholders: `{{ $labels.unit }}` is "a unit". */
const readable = (summary: string, labels: Readonly<Record<string, string>>): string =>
  summary.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? `(${label})`);
