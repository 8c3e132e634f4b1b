import { hours } from '../evidence/units.ts';
import { markOfFinding, NEVER_MEASURED } from '../plan/mark.ts';
import type { Drill, FailureDomain } from '../plan/procedure.ts';
import { RECOVERY, sharedDomains } from '../plan/procedure.ts';
import type { Block, Inline } from './document.ts';
import {
  demand,
  figure,
  heading,
  joined,
  length,
  line,
  list,
  listed,
  marked,
  name,
  paragraph,
  prose,
  renderMarkdown,
  table,
} from './document.ts';
import { head } from './head.ts';
import { procedureSection } from './procedures.ts';
import type { Deliverable, DocumentSource } from './source.ts';
import { findingsOf, stepsOf } from './source.ts';
import { stepSection } from './step-section.ts';

/** What the plan asks of every recovery (task B.2): back within four hours, at most the last hour of writes lost. */
const RTO = hours(4);
const RPO = hours(1);

/** How each drill is done, what it measured, and what source and recovery share. */
export function drillProcedures(source: DocumentSource): Deliverable {
  const described = new Set(source.drills.map((d) => d.step));
  const others = stepsOf(source, 'B.2').filter((s) => !described.has(s.id));
  const blocks = [
    ...head(source, prose('Disaster-recovery drills'), ['B.2']),
    heading(2, prose('What is asked of a recovery')),
    list([
      line(prose('Recovery time (RTO): steady state is back within'), length(RTO)),
      line(prose('Recovery point (RPO): at most the writes of the last'), length(RPO), prose('are lost')),
    ]),
    ...(source.drills.length === 0 && others.length === 0
      ? [paragraph(prose('No drill is built: how long a recovery takes, and what it loses, is unknown.'))]
      : []),
    ...source.drills.flatMap((drill) => drillSection(source, drill)),
    ...(others.length === 0 ? [] : [heading(2, prose('Other steps'))]),
    ...others.flatMap((step) => stepSection(source, step)),
  ];
  return { path: 'DR_DRILL_PROCEDURES.md', content: renderMarkdown(blocks) };
}

function drillSection(source: DocumentSource, drill: Drill): Block[] {
  const step = source.plan.steps.find((s) => s.id === drill.step);
  return [
    heading(2, prose('Drill'), name(drill.name)),
    table(
      [prose('part'), prose('what')],
      [
        [prose('environment'), name(drill.environment)],
        [prose('steady state'), name(drill.steadyState)],
        [prose('fault'), name(drill.fault)],
        [prose('recovery'), name(drill.recovery)],
        [prose('what the fault takes away stands on'), domains(drill.source)],
        [prose('what it is recovered from stands on'), domains(drill.recoveredFrom)],
      ],
    ),
    paragraph(independence(drill)),
    recoveryTable(source, drill),
    ...(step === undefined
      ? [paragraph(prose('The plan has no such step: nothing was measured.'))]
      : stepSection(source, step)),
    ...(drill.procedure.length === 0 ? [] : [heading(3, prose('By hand'))]),
    ...drill.procedure.flatMap((p) => procedureSection(source, p)),
  ];
}

const domains = (all: readonly FailureDomain[]): Inline =>
  all.length === 0 ? prose('unknown') : listed(all.map((d) => line(name(d.kind), name(d.name))));

/** A recovery on the disk that failed proves a script, not a site: what is shared is said. */
function independence(drill: Drill): Inline {
  if (drill.source.length === 0 || drill.recoveredFrom.length === 0)
    return prose('Failure domains are not named, so whether the recovery is independent of the fault is unknown.');
  const shared = sharedDomains(drill);
  return shared.length === 0
    ? prose('Source and recovery share none of the failure domains named.')
    : line(
        prose('Source and recovery share'),
        joined(domains(shared), prose(':')),
        prose('that the recovery survives the loss of it is unknown, and this drill does not show it.'),
      );
}

/** The plan's objectives beside what was measured. */
function recoveryTable(source: DocumentSource, drill: Drill): Block {
  const step = source.plan.steps.find((s) => s.id === drill.step);
  const all = step === undefined ? [] : findingsOf(source, step);
  const rows = [
    { title: prose('recovery time (RTO)'), metric: RECOVERY.time, asks: line(prose('at most'), length(RTO)) },
    { title: prose('recovery point (RPO)'), metric: RECOVERY.point, asks: line(prose('at most'), length(RPO)) },
    { title: prose('acknowledged writes lost'), metric: RECOVERY.lost, asks: demand(0, 'count') },
    { title: prose('writes that nobody attempted'), metric: RECOVERY.unexpected, asks: demand(0, 'count') },
  ];
  return table(
    [prose('recovery'), prose('plan asks'), prose('measured'), prose('verdict')],
    rows.flatMap(({ title, metric, asks }) => {
      const found = all.filter((f) => f.objective.metric === metric);
      return found.length === 0
        ? [[title, asks, figure(undefined), marked(NEVER_MEASURED)]]
        : found.map((f) => [title, asks, figure(f.entry, f.objective.threshold), marked(markOfFinding(f))]);
    }),
  );
}
