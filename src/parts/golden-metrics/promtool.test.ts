import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { SELF_COUNTING, sampleApp } from '../../../test/sample-app.ts';
import type { Alert, Rules } from './rule.ts';
import { rulesText } from './rule.ts';
import type { RuleTestFile } from './rule-tests.ts';
import { rulesOf, ruleTests, testOf, withMovedThreshold } from './rule-tests.ts';
import { goldenRules } from './rules.ts';
import { goldenSettings } from './settings.ts';

const run = promisify(execFile);
const RULES = 'rules.yml';
const app = sampleApp();
const countsItself = sampleApp({ services: [SELF_COUNTING] });

/** promtool's answer to a rule file and the test files beside it; its own words where it refuses them. */
async function promtool(
  tried: Rules,
  command: readonly string[],
  files: readonly RuleTestFile[] = [],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdpoint-rules-'));
  try {
    await writeFile(join(folder, RULES), rulesText(tried));
    for (const { name, content } of files) await writeFile(join(folder, name), content);
    return await run('promtool', [...command, ...files.map((f) => f.name)], { cwd: folder }).then(
      () => 'accepted',
      (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const title = (a: Alert) => [a.alert, ...Object.values(a.labels)].join(' ');
describe.each([
  ["the load balancer's log alone", app],
  ["the app's own metrics", countsItself],
])('the rules, judged by promtool, with %s', (_, app) => {
  const settings = goldenSettings(app, 'production');
  const rules = goldenRules(app, settings);
  const alerts = rules.alerts.map((a) => [title(a), a] as const);
  const measuring = alerts.filter(([, a]) => a.when.every((c) => !c.query.startsWith('absent')));

  test('are a rule file', async () => {
    expect(await promtool(rules, ['check', 'rules', RULES])).toBe('accepted');
  });

  test('each golden metric reads what went in', async () => {
    const recordings = { ...rules, alerts: [] };
    expect(await promtool(recordings, ['test', 'rules'], ruleTests(recordings, app, RULES))).toBe('accepted');
  }, 120_000);

  // One by one: promtool evaluates every rule of a file over the whole length of each of its tests.
  test.each(alerts)('%s stays silent, fires and recovers', async (_, alert) => {
    expect(await promtool(rulesOf(alert, rules), ['test', 'rules'], testOf(alert, rules, app, RULES))).toBe('accepted');
  });

  test.each(alerts)('the case of %s fails when the alert is made deaf', async (_, alert) => {
    const output = await promtool(
      withMovedThreshold(rulesOf(alert, rules), alert, 'deaf'),
      ['test', 'rules'],
      testOf(alert, rules, app, RULES),
    );
    expect(output).toMatch(new RegExp(`alertname="${alert.alert}".*\\n\\s+got: nil`));
  });

  test.each(measuring)('the case of %s fails when the alert is made jumpy', async (_, alert) => {
    const output = await promtool(
      withMovedThreshold(rulesOf(alert, rules), alert, 'jumpy'),
      ['test', 'rules'],
      testOf(alert, rules, app, RULES),
    );
    expect(output).toMatch(new RegExp(`exp: nil\\n\\s+got: .*alertname="${alert.alert}"`));
  });

  test('for an app without a database ask nothing of one', async () => {
    const without = { ...app, database: undefined };
    const fewer = goldenRules(without, goldenSettings(without, 'production'));
    expect(rulesText(fewer)).not.toContain('database');
    expect(await promtool(fewer, ['check', 'rules', RULES])).toBe('accepted');
  });

  test('no alert is made that not even a total outage could fire', () => {
    const loose = { ...settings, objectives: { ...settings.objectives, errorPercent: 20 } };
    const windows = goldenRules(app, loose)
      .alerts.filter((a) => a.labels.objective === 'availability' && a.labels.service === undefined)
      .map((a) => a.labels.window);
    expect(windows).toEqual(['1d', '3d']);
  });
});
