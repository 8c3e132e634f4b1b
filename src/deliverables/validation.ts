import { WATCH } from '../parts/golden-metrics/queries.ts';
import type { Entry } from '../plan/finding.ts';
import { markOfStep } from '../plan/mark.ts';
import type { StepPlan } from '../plan/step.ts';
import type { Block, Inline } from './document.ts';
import {
  certainty,
  code,
  figure,
  heading,
  joined,
  line,
  list,
  marked,
  name,
  paragraph,
  prose,
  renderMarkdown,
  span,
  table,
} from './document.ts';
import { head, windowText } from './head.ts';
import type { Deliverable, DocumentSource } from './source.ts';
import { entriesOf, stateOf, stepsOf } from './source.ts';
import { stepSection } from './step-section.ts';

/** What the monitoring window showed, how well it was watched, and what that means for go-live. */
export function validationReport(source: DocumentSource): Deliverable {
  const steps = stepsOf(source, 'A.4');
  const blocks = [
    ...head(source, prose('Post-deployment validation report'), ['A.4']),
    heading(2, prose('Go-live')),
    ...goLive(source, steps),
    heading(2, prose('How well the window was watched')),
    ...watched(source, steps),
    heading(2, prose('Alerts that were delivered')),
    ...delivered(source),
    heading(2, prose('Objectives')),
    ...(steps.length === 0 ? [paragraph(prose('No step is built: nothing was judged after the deployment.'))] : []),
    ...steps.flatMap((step) => stepSection(source, step)),
  ];
  return { path: 'Post_Deployment_Validation_Report.md', content: renderMarkdown(blocks) };
}

/** The marks that let a person confirm go-live. */
const MET: ReadonlySet<string> = new Set(['pass', 'used again']);

function goLive(source: DocumentSource, steps: readonly StepPlan[]): Block[] {
  const { opened } = source.launch;
  const marks = steps.map((step) => ({ step, mark: markOfStep(stateOf(source, step)) }));
  const judged = marks.filter(({ mark }) => mark.word !== 'not applicable');
  const open = judged.filter(({ mark }) => !MET.has(mark.word));
  const window = opened === undefined ? [] : [paragraph(prose('Window:'), windowText(opened.window))];
  if (opened === undefined || judged.length === 0)
    return [...window, paragraph(prose('Not confirmed: nothing was judged.'))];
  if (open.length > 0)
    return [
      ...window,
      paragraph(prose('Not confirmed. Not met, or not known:')),
      list(open.map(({ step, mark }) => line(marked(mark), code(step.id), name(step.title)))),
    ];
  return [
    ...window,
    opened.window.length < opened.window.planned
      ? paragraph(prose('Provisional: every objective was met, in a window that was shortened. Never confirmed.'))
      : paragraph(prose('Every objective was met over the whole window. A person may confirm go-live.')),
  ];
}

function watched(source: DocumentSource, steps: readonly StepPlan[]): Block[] {
  const names: readonly string[] = Object.values(WATCH);
  const entries = entriesAbout(source, steps, (metric) => names.includes(metric));
  if (entries.length === 0)
    return [paragraph(prose('Unknown: no entry says how much of the window was seen, so gaps are not excluded.'))];
  return [
    measured(entries),
    ...notes(entries),
    paragraph(prose('What was not seen in a gap is unknown; it is not counted as good.')),
  ];
}

function delivered(source: DocumentSource): Block[] {
  const entries = entriesAbout(source, stepsOf(source, 'A.3', 'A.4'), (metric) => metric.startsWith('alert.'));
  if (entries.length === 0) return [paragraph(prose('Unknown: no alert was provoked and followed to its receiver.'))];
  return [measured(entries), ...notes(entries)];
}

const entriesAbout = (
  source: DocumentSource,
  steps: readonly StepPlan[],
  about: (metric: string) => boolean,
): readonly Entry[] => steps.flatMap((step) => entriesOf(source, step)).filter((e) => about(e.measurement.metric));

const measured = (entries: readonly Entry[]): Block =>
  table(
    [prose('what'), prose('of'), prose('measured'), prose('interval and n'), prose('when')],
    entries.map((e) => [
      name(e.measurement.metric),
      e.measurement.of === '' ? prose('the app') : name(e.measurement.of),
      figure(e),
      certainty(e),
      span(e.measurement.from, e.measurement.to),
    ]),
  );

function notes(entries: readonly Entry[]): Block[] {
  const items = entries.flatMap((e): Inline[] =>
    e.measurement.note === undefined
      ? []
      : [line(joined(name(e.measurement.metric), prose(':')), name(e.measurement.note))],
  );
  return items.length === 0 ? [] : [list(items)];
}
