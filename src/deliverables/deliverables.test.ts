import { describe, expect, test } from 'vitest';
import { SELF_COUNTING, sampleApp } from '../../test/sample-app.ts';
import { counted, SampleLedger, sampleObjective, samplePlan, sampleStep } from '../../test/sample-ledger.ts';
import { sampleSource } from '../../test/sample-source.ts';
import { absent, exactly } from '../evidence/measurement.ts';
import type { Digest } from '../evidence/units.ts';
import { days, hours } from '../evidence/units.ts';
import { ALERTING, GOLDEN, WATCH } from '../parts/golden-metrics/queries.ts';
import type { Drill, Procedure } from '../plan/procedure.ts';
import { RECOVERY } from '../plan/procedure.ts';
import { deliverables } from './deliverables.ts';
import { drillProcedures } from './drills.ts';
import { preflightReport } from './preflight.ts';
import { deploymentProcedures } from './procedures.ts';
import { serviceLevelAgreement } from './sla.ts';
import { validationReport } from './validation.ts';

const zero = (id: string, metric: string) =>
  sampleObjective({ id, metric, unit: 'count', comparator: '==', threshold: 0 });
const latency = sampleStep('A.1/latency', 'P95 under load');
const tls = sampleStep('A.1/tls', 'TLS protocols', { objectives: [zero('old', 'tls.obsolete')] });
const watch = sampleStep('A.4/window', 'the monitoring window', {
  objectives: [
    sampleObjective({ id: 'errors', metric: GOLDEN.errorRate, unit: 'percent', threshold: 0.1 }),
    sampleObjective({ id: 'seen', metric: WATCH.coverage, unit: 'percent', comparator: '>=', threshold: 99 }),
  ],
});
const crash = sampleStep('B.2/application-crash', 'every service is killed', {
  objectives: [
    sampleObjective({ id: 'rto', metric: RECOVERY.time, comparator: '<=', threshold: hours(4) }),
    zero('lost', RECOVERY.lost),
  ],
});
const plan = samplePlan([latency, tls, watch, crash]);
const by = { name: 'ada', identity: 'not verified' } as const;
const opened = () => new SampleLedger().open('l');
const slow = { observed: { kind: 'value', value: 240, interval: [230, 250], n: 10_000, resolution: 1 } } as const;
const goodWindow = [
  { metric: GOLDEN.errorRate, unit: 'percent', observed: exactly(0.02, 1_200) },
  { metric: WATCH.coverage, unit: 'percent', observed: exactly(100, 24), note: 'no gap' },
] as const;

/** The lines of one section of a document, from its heading to the next of its level or a higher one. */
function section(content: string, title: string): string {
  const lines = content.split('\n');
  const start = lines.findIndex((l) => l.startsWith('#') && l.includes(title));
  const level = /^#+/.exec(lines[start] ?? '')?.[0].length ?? 0;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((l) => /^#+ /.test(l) && (/^#+/.exec(l)?.[0].length ?? 0) <= level);
  return rest
    .slice(0, end === -1 ? undefined : end)
    .join('\n')
    .trim();
}

describe('with no evidence', () => {
  const ledger = opened();
  const documents = deliverables(sampleSource(plan, ledger, 'l'));

  test('there are the seven documents of the plan', () => {
    expect(documents.map((d) => d.path)).toEqual([
      'PREFLIGHT_PRODUCTION.md',
      'PRODUCTION_DEPLOYMENT_PROCEDURES.md',
      'Production_Monitoring_Dashboard.json',
      'Production_Alerts.yml',
      'Production_SLA.md',
      'Post_Deployment_Validation_Report.md',
      'DR_DRILL_PROCEDURES.md',
    ]);
  });

  test('no document has a tick or an entry, and each figure is unknown', () => {
    for (const { content } of documents) {
      expect(content.replaceAll('`[x] pass`', '')).not.toContain('[x]');
      expect(content).not.toMatch(/\[entry \d/);
    }
    expect(section(preflightReport(sampleSource(plan, ledger, 'l')).content, 'A.1/latency')).toContain(
      '| [?] unknown | http.latency.p95 < 200 ms | hold | unknown: never measured | – |',
    );
  });

  test('a launch that was never opened, and a plan without steps, are said to be so', () => {
    const content = validationReport(
      sampleSource(samplePlan([]), new SampleLedger(), 'l', { release: undefined }),
    ).content;
    expect(content).toContain('| release | unknown: no release was built yet |');
    expect(content).toContain('| environment | unknown: the launch was not opened |');
    expect(content).toContain('- [/] not built A.4 post-deployment validation');
    expect(section(content, 'Go-live')).toBe('Not confirmed: nothing was judged.');
  });
});

describe('page one', () => {
  test('says what the document is about, how much stands, and which decisions let it go past a hold', () => {
    const exemption = {
      step: 'A.1/latency',
      objective: 'latency-p95',
      owner: 'grace',
      reason: 'new disks come',
      lastDay: '2026-04-01',
    };
    const ledger = opened()
      .attempt('l', latency, 1, [slow])
      .attempt('l', tls, 1, [counted('tls.obsolete', 1, 4)]);
    ledger
      .decide('l', { kind: 'waiver', step: tls.id, attempt: 1, by, reason: 'an old till', at: ledger.now })
      .decide('l', { kind: 'statement', says: 'the team is trained', by, at: ledger.now });
    const exempting = samplePlan([latency, tls, watch, crash], { exemptions: [exemption] });
    const content = preflightReport(sampleSource(exempting, ledger, 'l')).content;
    expect(content).toContain('| window | 2 min instead of 24 h, shortened: go-live is provisional, never confirmed |');
    expect(content).toContain('| this document, tasks A.1 | 0 | 0 | 0 | 0 | 1 | 1 | 0 | 0 | 0 |');
    expect(section(content, 'Waivers')).toBe(
      [
        '- waiver: `A.1/tls`, attempt 1 of this launch only, by ada (identity not verified), 2026-03-01 08:02:00 UTC: an old till',
        '- exemption: `A.1/latency latency-p95`, owner grace, holds until the end of 2026-04-01: new disks come',
        '- [s] statement: "the team is trained", says ada (identity not verified), 2026-03-01 08:02:00 UTC',
        '',
        'Missed, and covered by an exemption:',
        '',
        '- [e] exempt `A.1/latency` http.latency.p95 < 200 ms',
      ].join('\n'),
    );
  });
});

describe('the pre-flight report', () => {
  test('shows every attempt, the figure with its entry, and how it was measured', () => {
    const ledger = opened().attempt('l', latency, 1, [], { kind: 'interrupted' }).attempt('l', latency, 2, [slow]);
    ledger
      .decide('l', { kind: 'retry', step: latency.id, attempt: 2, by, at: ledger.now })
      .attempt('l', latency, 3, [{}]);
    expect(section(preflightReport(sampleSource(plan, ledger, 'l')).content, 'A.1/latency')).toBe(
      `[x] pass, attempt 3 of 3, 1 min [entry 7]; stands until 2026-03-08 08:03:00 UTC

| attempt | came to | started | took | missed |
| --- | --- | --- | --- | --- |
| attempt 1 of 3 | [?] cut off | 2026-03-01 08:00:00 UTC | 1 min [entry 1] | – |
| attempt 2 of 3 | [ ] failed | 2026-03-01 08:01:00 UTC | 1 min [entry 3] | http.latency.p95 < 200 ms was 240 ms [entry 4] |
| attempt 3 of 3 | [x] pass | 2026-03-01 08:02:00 UTC | 1 min [entry 7] | nothing |

| verdict | asked | gate | measured | interval and n | source |
| --- | --- | --- | --- | --- | --- |
| [x] pass | http.latency.p95 < 200 ms | hold | 153 ms [entry 8] | 150 ms to 156 ms, n = 10,000 | plan A.1 |

How it was measured:

- http.latency.p95: 153 ms [entry 8] by load \`GET https://stockroom.test:8443/ at 10000 a minute\` on local, 2026-03-01 08:02:00 to 08:03:00 UTC (1 min)`,
    );
  });

  test('evidence of an earlier launch is shown as such, with its age and entry', () => {
    const ledger = opened().attempt('l', latency, 1, [{}]).pass(days(3)).open('m');
    const text = section(preflightReport(sampleSource(plan, ledger, 'm')).content, 'A.1/latency');
    expect(text).toContain(
      '[=] used again: evidence of launch `l`, 3 d old, same inputs, 1 min [entry 1]; stands until',
    );
  });
});

describe('the procedures', () => {
  const procedure: Procedure = {
    title: 'Deploy a release',
    steps: [
      {
        step: 'A.2/migrate',
        title: 'Bring the database up to the release',
        commands: ['node migrate.js up'],
        files: [{ path: '/srv/url', mode: 0o600, user: 'app', holds: 'where the database is' }],
        units: ['postgres'],
        rollback: [],
      },
    ],
  };

  test('show commands, files, units, how long it took, and that there is no way back where there is none', () => {
    const migrate = sampleStep('A.2/migrate', 'migrations', { objectives: [zero('failed', 'migrations.failing')] });
    const ledger = opened().attempt('l', migrate, 1, [counted('migrations.failing', 0, 4)]);
    const source = sampleSource(samplePlan([migrate]), ledger, 'l', { procedures: [procedure] });
    expect(section(deploymentProcedures(source).content, 'Bring the database up')).toBe(
      `\`A.2/migrate\`: [x] pass, attempt 1 of 1, 1 min [entry 1]; stands until 2026-03-08 08:01:00 UTC

Files:

| file | mode | user | holds |
| --- | --- | --- | --- |
| \`/srv/url\` | \`0600\` | app | where the database is |

Commands:

\`\`\`sh
node migrate.js up
\`\`\`

Units: \`postgres\`

Way back: none.`,
    );
  });

  test('have the heading that the runbook address of each alert leads to', () => {
    const all = deliverables(sampleSource(plan, opened(), 'l'));
    const text = (path: string) => all.find((d) => d.path === path)?.content ?? '';
    const anchors = new Set([...text('Production_Alerts.yml').matchAll(/runbook_url: (\S+)#(\S+)/g)].map((m) => m[2]));
    const headings = new Set(
      [...text('PRODUCTION_DEPLOYMENT_PROCEDURES.md').matchAll(/^### (\w+)$/gm)].map((m) => m[1]?.toLowerCase()),
    );
    expect(anchors.size).toBeGreaterThan(5);
    for (const anchor of anchors) expect(headings).toContain(anchor);
  });
});

describe('the service levels', () => {
  test('show what was measured beside what is asked, and what nobody measures as unknown', () => {
    const ledger = opened().attempt('l', latency, 1, [{}]).attempt('l', watch, 1, goodWindow);
    const content = serviceLevelAgreement(sampleSource(plan, ledger, 'l')).content;
    const text = section(content, 'Objectives');
    expect(text).toContain('| error rate | < 0.1 % | 0.02 % [entry 5] | exact, n = 1,200 | [x] pass | `A.4/window` |');
    expect(text).toContain('| < 200 ms | 153 ms [entry 2] | 150 ms to 156 ms, n = 10,000 | [x] pass | `A.1/latency` |');
    expect(text).toContain('| CPU, of all cores | < 70 % | unknown: never measured | – | [?] unknown | no step |');
    expect(section(content, 'Error budgets')).toContain(
      '| availability | was answered with an error | 0.1 % | 432,000 | 43 min 12 s | 0.2 [entry 5] |',
    );
  });

  test('of an app that counts its own requests say who counted what, and what each of them spent', () => {
    const app = sampleApp({ services: [SELF_COUNTING] });
    const counts = (value: number, of: string) =>
      ({ metric: GOLDEN.errorRate, unit: 'percent', of, observed: exactly(value, 1_200) }) as const;
    const ledger = opened().attempt('l', watch, 1, [counts(0.02, ''), counts(0.08, 'dashboard')]);
    const { content } = serviceLevelAgreement(sampleSource(plan, ledger, 'l', {}, app));
    expect(content).toContain("- requests and errors: from the load balancer's log");
    expect(content).toContain("- requests and errors: from the app's own metrics http_requests_total (dashboard)");
    expect(content).toContain("- response times: from the app's own metrics http_request_duration_seconds");
    expect(content).not.toContain("response times: from the load balancer's log");
    const budgets = section(content, 'Error budgets');
    expect(budgets).toMatch(/availability, from the load balancer's log .* 0\.2 \[entry/);
    expect(budgets).toMatch(/availability, from the app's own metrics .* 0\.8 \[entry/);
    const runbooks = deploymentProcedures(sampleSource(plan, ledger, 'l', {}, app)).content;
    expect(runbooks).toMatch(/errors \(5xx\), from the app's own metrics/);
  });
});

describe('the validation report', () => {
  const goLive = (ledger: SampleLedger) =>
    section(validationReport(sampleSource(plan, ledger, 'l')).content, 'Go-live');

  test('a shortened window is provisional, however good it was', () => {
    expect(goLive(opened().attempt('l', watch, 1, goodWindow))).toContain('Provisional');
  });

  test('a whole window may be confirmed, by a person', () => {
    const ledger = new SampleLedger().open('l', hours(24)).attempt('l', watch, 1, goodWindow);
    expect(goLive(ledger)).toContain('A person may confirm go-live.');
  });

  test('a gap is not good, and is told', () => {
    const gap = { ...goodWindow[1], observed: exactly(75, 24), note: 'not seen from 08:00:30 to 08:01:00' };
    const ledger = opened().attempt('l', watch, 1, [goodWindow[0], gap]);
    expect(goLive(ledger)).toContain('- [ ] failed `A.4/window`');
    expect(validationReport(sampleSource(plan, ledger, 'l')).content).toContain('not seen from 08:00:30 to 08:01:00');
  });

  test('an absent series leaves go-live open', () => {
    const ledger = opened().attempt('l', watch, 1, [{ ...goodWindow[0], observed: absent('no data') }, goodWindow[1]]);
    expect(goLive(ledger)).toContain('- [?] unknown `A.4/window`');
  });

  test('an alert that was provoked is shown with its time to delivery', () => {
    const alert = sampleStep('A.3/alert', 'an alert is delivered', {
      objectives: [sampleObjective({ id: 'delivery', metric: ALERTING.delivery, threshold: 60_000 })],
    });
    const ledger = opened().attempt('l', alert, 1, [{ metric: ALERTING.delivery, observed: exactly(8_123, 1) }]);
    const content = validationReport(sampleSource(samplePlan([alert]), ledger, 'l')).content;
    expect(section(content, 'Alerts that were delivered')).toContain(
      '| alert.delivery | the app | 8,123 ms [entry 2] |',
    );
  });
});

describe('the drills', () => {
  const drill = (changes: Partial<Drill> = {}): Drill => ({
    step: 'B.2/application-crash',
    name: 'application-crash',
    environment: 'staging',
    steadyState: 'every service is ready',
    fault: 'SIGKILL to every instance',
    recovery: 'the runtime starts them again',
    procedure: [],
    source: [{ kind: 'host', name: 'local' }],
    recoveredFrom: [{ kind: 'host', name: 'local' }],
    ...changes,
  });
  const render = (d: Drill) => {
    const measured = [
      {
        metric: RECOVERY.time,
        observed: { kind: 'value', value: 2_310, interval: [2_260, 2_360], n: 1, resolution: 50 },
      },
      counted(RECOVERY.lost, 0, 212),
    ] as const;
    const ledger = opened().attempt('l', crash, 1, measured);
    return section(
      drillProcedures(sampleSource(plan, ledger, 'l', { drills: [d] })).content,
      'Drill application-crash',
    );
  };

  test('show what was measured beside what the plan asks; the recovery point that nobody measured is unknown', () => {
    expect(render(drill())).toContain(
      `| recovery time (RTO) | at most 4 h | 2,310 ms [entry 2] | [x] pass |
| recovery point (RPO) | at most 1 h | unknown: never measured | [?] unknown |
| acknowledged writes lost | 0 | 0 [entry 3] | [x] pass |`,
    );
  });

  test('say which failure domains source and recovery share', () => {
    expect(render(drill())).toContain('Source and recovery share host local: that the recovery survives');
    expect(render(drill({ recoveredFrom: [{ kind: 'host', name: 'other' }] }))).toContain('share none');
    expect(render(drill({ recoveredFrom: [] }))).toContain('is unknown');
  });
});

test('a secret that stands in the app, in the output of a command or in a header reaches no document', () => {
  const canary = 'CANARY-9f3b';
  const header = { authorization: `Bearer ${canary}` };
  const request = { method: 'POST', path: '/x', headers: header, body: canary } as const;
  const plain = sampleApp();
  const app = sampleApp({
    services: plain.services.map((s) => ({ ...s, environment: { TOKEN: canary }, command: ['node', canary] })),
    secrets: [
      {
        name: 'api-key',
        from: { kind: 'command', command: ['echo', canary] },
        handover: { variable: 'K', as: 'file' },
      },
    ],
    notifications: [{ kind: 'webhook', url: `https://hooks.test/${canary}` }],
    recorder: {
      write: request,
      read: { path: '/x', headers: {}, foundStatus: 200, absentStatus: 404 },
      perSecond: 1,
    },
  });
  const problem = { kind: 'app', what: 'migrate.js ended with 1', next: 'read its output', detail: [canary] } as const;
  const ledger = opened().attempt('l', latency, 1, [], { kind: 'errored', problem });
  const documents = deliverables(sampleSource(plan, ledger, 'l', {}, app));
  expect(documents.find((d) => d.path.startsWith('PREFLIGHT'))?.content).toContain('migrate.js ended with 1');
  for (const { content } of documents) expect(content).not.toContain(canary);
});

test('a release is named by its digest in the files that have no page one', () => {
  const release = `sha256:${'cd'.repeat(32)}` as Digest;
  const documents = deliverables(sampleSource(plan, opened(), 'l', { release }));
  for (const path of ['Production_Alerts.yml', 'Production_Monitoring_Dashboard.json'])
    expect(documents.find((d) => d.path === path)?.content).toContain(release);
});
