import { describe, expect, test } from 'vitest';
import { SELF_COUNTING, sampleApp } from '../../../test/sample-app.ts';
import { dashboardQueries, dashboardText } from './dashboard.ts';
import { RECORDED } from './metric-names.ts';
import { goldenRules } from './rules.ts';
import { RUNBOOKS } from './runbooks.ts';
import { goldenSettings } from './settings.ts';

const app = sampleApp();
const settings = goldenSettings(app, 'production');
type Built = { panels: { type: string; title: string; targets?: { expr: string; refId: string }[] }[] };
const built = JSON.parse(dashboardText(app, settings, 'from a test')) as Built;

describe('the dashboard', () => {
  test('shows exactly the queries that it names, so that each can be tried', () => {
    const shown = built.panels.flatMap((p) =>
      (p.targets ?? []).map((t) => ({ panel: p.title, refId: t.refId, expr: t.expr })),
    );
    expect(shown).toEqual(dashboardQueries(app, settings));
  });

  test('asks only for series that are recorded or exported', () => {
    const recorded = new Set(goldenRules(app, settings).recordings.map((r) => r.record));
    for (const { expr } of dashboardQueries(app, settings))
      if (expr.startsWith('holdpoint:')) expect(recorded).toContain(expr);
  });

  test('shows every golden metric', () => {
    const shown = dashboardQueries(app, settings).map((q) => q.expr);
    expect(shown).toEqual(expect.arrayContaining(Object.values(RECORDED)));
  });

  test('has no panel about a database for an app that has none', () => {
    const text = dashboardText(sampleApp({ database: undefined }), settings, '');
    expect(text).not.toContain('atabase');
  });
});

test('the dashboard of an app that counts its own requests shows both counts, each with its source', () => {
  const own = sampleApp({ services: [SELF_COUNTING] });
  const asked = goldenSettings(own, 'production');
  const shown = dashboardQueries(own, asked).map((q) => q.expr);
  for (const record of [RECORDED.requestsPerMinute, RECORDED.errorPercent, RECORDED.latencyP95, RECORDED.latencyWithin])
    expect(shown).toEqual(expect.arrayContaining([`${record}{service=""}`, `${record}{service="dashboard"}`]));
  const text = dashboardText(own, asked, '');
  expect(text).toContain("from the load balancer's log; from the app's own metrics http_requests_total (dashboard)");
});

test('every alert has a runbook', () => {
  expect(Object.keys(RUNBOOKS)).toEqual(
    expect.arrayContaining([...new Set(goldenRules(app, settings).alerts.map((a) => a.alert))]),
  );
});
