import { dashboardText } from '../parts/golden-metrics/dashboard.ts';
import { rulesText } from '../parts/golden-metrics/rule.ts';
import { goldenRules } from '../parts/golden-metrics/rules.ts';
import { markOfStep, markText } from '../plan/mark.ts';
import { tally } from '../plan/tally.ts';
import { instantText } from './format.ts';
import { windowText } from './head.ts';
import type { Deliverable, DocumentSource } from './source.ts';
import { entriesOf, stateOf, stepsOf } from './source.ts';

/** The dashboard, ready to be imported into Grafana; where it comes from stands in its description. */
export function monitoringDashboard(source: DocumentSource): Deliverable {
  return {
    path: 'Production_Monitoring_Dashboard.json',
    content: dashboardText(source.app, source.golden, provenance(source).join('\n')),
  };
}

/** The rule file that Prometheus loads; where it comes from, and what is known of it, stands in its first lines. */
export function alertRules(source: DocumentSource): Deliverable {
  const comment = provenance(source).map((l) => `# ${l}`);
  return {
    path: 'Production_Alerts.yml',
    content: `${comment.join('\n')}\n${rulesText(goldenRules(source.app, source.golden))}`,
  };
}

/** The head of a document that has no page one. */
function provenance(source: DocumentSource): string[] {
  const { app, launch, release, now, ledger } = source;
  const { opened } = launch;
  const c = tally(launch);
  const unknown = 'unknown';
  return [
    'Rendered by Holdpoint from its ledger: do not edit, the next rendering replaces it.',
    `app ${oneLine(app.name)}, release ${release ?? unknown}, launch ${oneLine(launch.launch)}`,
    `environment ${oneLine(opened?.environment ?? unknown)}, host ${oneLine(opened?.host ?? unknown)}, runtime ${oneLine(opened?.runtime ?? unknown)}`,
    `window ${opened === undefined ? unknown : windowText(opened.window).text}`,
    `ledger ${ledger === undefined ? unknown : `${ledger.size} entries`}, rendered ${instantText(now)}`,
    `steps of the whole launch: ${c.passed} passed, ${c.failed} failed, ${c.unknown} unknown, ${c.warned} warned, ${c.waived} waived, ${c.exempt} exempt, ${c.notApplicable} not applicable, ${c.usedAgain} used again, ${c.open} not finished`,
    ...stepsOf(source, 'A.3').map((step) => {
      const entries = entriesOf(source, step).map((e) => e.index);
      const from = entries.length === 0 ? '' : ` [entries ${entries.join(', ')}]`;
      return `${markText(markOfStep(stateOf(source, step)))} ${step.id} ${oneLine(step.title)}${from}`;
    }),
  ];
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
