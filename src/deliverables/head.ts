import type { Statement, Waiver } from '../evidence/decision.ts';
import { exemptionHolds } from '../evidence/decision.ts';
import type { WindowLength } from '../evidence/leaf.ts';
import { markOfFinding, NOT_BUILT, STATEMENT } from '../plan/mark.ts';
import type { Tally } from '../plan/tally.ts';
import { tally } from '../plan/tally.ts';
import type { TaskId } from '../plan/task.ts';
import { TASKS } from '../plan/task.ts';
import type { Block, Inline } from './document.ts';
import {
  asked,
  code,
  counted,
  heading,
  joined,
  ledgerSize,
  length,
  line,
  list,
  marked,
  moment,
  name,
  paragraph,
  prose,
  table,
} from './document.ts';
import type { DocumentSource } from './source.ts';
import { findingsOf } from './source.ts';

/**
 * Page one: what the document is about, how far its claims reach, and every decision that let the launch go past one.
 *
 * @param tasks the tasks that the document is about
 */
export function head(source: DocumentSource, title: Inline, tasks: readonly TaskId[]): Block[] {
  return [
    heading(1, title),
    paragraph(
      prose('Rendered by Holdpoint from its ledger: do not edit, the next rendering replaces it.'),
      prose(
        'Each figure leads to the ledger entry in brackets; `holdpoint ledger show ENTRY` shows how it was measured.',
      ),
    ),
    table([prose('about'), prose('')], facts(source)),
    heading(2, prose('How much stands')),
    tallies(source, tasks),
    paragraph(
      prose(
        'Only `[x] pass` is a tick, and only a measurement draws one; evidence of an earlier launch is `[=] used again`.',
      ),
      prose('What was not measured, or could not be, is `[?] unknown` and holds like a failure.'),
    ),
    ...decisions(source),
    ...notBuilt(source),
  ];
}

function facts({ app, launch, now, release, ledger }: DocumentSource): Inline[][] {
  const { opened } = launch;
  const unknown = prose('unknown: the launch was not opened');
  return [
    [prose('app'), name(app.name)],
    [prose('release'), release === undefined ? noRelease(app) : code(release)],
    [prose('environment'), opened === undefined ? unknown : name(opened.environment)],
    [prose('host'), opened === undefined ? unknown : name(opened.host)],
    [prose('runtime'), opened === undefined ? unknown : name(opened.runtime)],
    [
      prose('launch'),
      opened === undefined
        ? unknown
        : line(code(launch.launch), prose('opened'), moment(opened.at), prose('by'), name(opened.by)),
    ],
    [prose('window'), opened === undefined ? unknown : windowText(opened.window)],
    [
      prose('ledger'),
      ledger === undefined
        ? prose('unknown')
        : line(
            ledgerSize(ledger.size),
            ...(ledger.checkpoint === undefined ? [] : [prose('checkpoint'), code(ledger.checkpoint)]),
          ),
    ],
    [prose('rendered'), moment(now)],
  ];
}

/** Of an app that is only observed. */
export const ALERTS_ELSEWHERE =
  'The app is only observed: who is called, and what they do then, is for those to say who run its alerts.';

const noRelease = ({ observe }: DocumentSource['app']): Inline =>
  observe === undefined
    ? prose('unknown: no release was built yet')
    : line(prose('unknown: something else deploys the app, which is only observed at'), code(observe.url));

/** The monitoring window, and what a shorter one than planned does to go-live. */
export const windowText = (window: WindowLength): Inline =>
  window.length < window.planned
    ? line(
        length(window.length),
        prose('instead of'),
        joined(length(window.planned), prose(', shortened: go-live is provisional, never confirmed')),
      )
    : length(window.length);

const COLUMNS: readonly (readonly [keyof Tally, Inline])[] = [
  ['passed', prose('passed')],
  ['failed', prose('failed')],
  ['unknown', prose('unknown')],
  ['warned', prose('warned')],
  ['waived', prose('waived')],
  ['exempt', prose('exempt')],
  ['notApplicable', prose('not applicable')],
  ['usedAgain', prose('used again')],
  ['open', prose('not finished')],
];

function tallies(source: DocumentSource, tasks: readonly TaskId[]): Block {
  const { launch, plan } = source;
  const own = new Set(plan.steps.filter((s) => tasks.includes(s.task)).map((s) => s.id));
  const part = { ...launch, steps: new Map([...launch.steps].filter(([id]) => own.has(id))) };
  const row = (of: Inline, counts: Tally) => [of, ...COLUMNS.map(([column]) => counted(counts, column))];
  return table(
    [prose('steps'), ...COLUMNS.map(([, word]) => word)],
    [
      row(line(prose('this document, tasks'), name(tasks.join(', '))), tally(part)),
      row(prose('the whole launch'), tally(launch)),
    ],
  );
}

function decisions(source: DocumentSource): Block[] {
  const { launch, plan, now } = source;
  const waivers = launch.decisions.filter((d): d is Waiver => d.kind === 'waiver');
  const statements = launch.decisions.filter((d): d is Statement => d.kind === 'statement');
  const exemptions = plan.exemptions.map((e) => {
    const known = exemptionHolds(e, now) ? prose('holds until the end of') : prose('ended with');
    return line(
      prose('exemption:'),
      joined(code(`${e.step} ${e.objective}`), prose(',')),
      prose('owner'),
      joined(name(e.owner), prose(',')),
      joined(known, prose(' '), name(e.lastDay), prose(':')),
      name(e.reason),
    );
  });
  const waived = waivers.map((w) =>
    line(
      prose('waiver:'),
      joined(code(w.step), prose(', attempt')),
      name(String(w.attempt)),
      prose('of this launch only, by'),
      name(w.by.name),
      prose('(identity not verified),'),
      joined(moment(w.at), prose(':')),
      name(w.reason),
    ),
  );
  const stated = statements.map((s) =>
    line(
      joined(marked(STATEMENT), prose(': "'), name(s.says), prose('", says')),
      name(s.by.name),
      prose('(identity not verified),'),
      moment(s.at),
    ),
  );
  const items = [...waived, ...exemptions, ...stated];
  return [
    heading(2, prose('Waivers, exemptions, statements')),
    items.length === 0 ? paragraph(prose('None.')) : list(items),
    ...covered(source),
  ];
}

/** Which misses an exemption covers today. */
function covered(source: DocumentSource): Block[] {
  const items = source.plan.steps.flatMap((step) =>
    findingsOf(source, step)
      .filter((f) => markOfFinding(f).word === 'exempt')
      .map((f) => line(marked(markOfFinding(f)), code(step.id), asked(f.objective))),
  );
  return items.length === 0 ? [] : [paragraph(prose('Missed, and covered by an exemption:')), list(items)];
}

function notBuilt(source: DocumentSource): Block[] {
  const missing = TASKS.filter((t) => !source.plan.steps.some((s) => s.task === t.id));
  if (missing.length === 0) return [];
  return [
    heading(2, prose('Not built')),
    paragraph(prose('These tasks of the plan have no steps; nothing is claimed about them.')),
    list(missing.map((t) => line(marked(NOT_BUILT), name(`${t.id} ${t.title}`)))),
  ];
}
