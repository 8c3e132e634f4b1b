import { goldenSettingsOf } from '../../../environments/monitoring.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { minutes, seconds } from '../../../evidence/units.ts';
import { cutText } from '../../../ledger/secret-search.ts';
import { type Rules, rulesText } from '../../../parts/golden-metrics/rule.ts';
import {
  type RuleTestFile,
  rulesOf,
  ruleTests,
  testOf,
  withMovedThreshold,
} from '../../../parts/golden-metrics/rule-tests.ts';
import { goldenRules } from '../../../parts/golden-metrics/rules.ts';
import { OF_PARTS, reads } from '../../../parts/part.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import type { UnitFile } from '../../../runtimes/unit.ts';
import { ask, ownPrometheus } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

const RULES = 'rules.yml';
const STORE = 'rules-check';

/**
 * The alert rules are accepted by promtool, and each fires, stays silent and recovers in a test of its own. A test that
 * passes whatever the threshold is proves nothing: with the threshold moved away, the test must fail.
 */
export const rules = (world: World): Step => ({
  id: 'A.3/rules',
  task: 'A.3',
  title: 'Alert rules fire, stay silent and recover',
  needs: [],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: ownPrometheus(world.app),
  tokens: ['cpu'],
  estimate: seconds(15),
  objectives: [
    ask({ id: 'invalid', metric: 'rules.invalid', is: ['==', 0, 'count'], source: 'plan A.3: promtool check rules' }),
    ask({ id: 'failing', metric: 'rules.failing', is: ['==', 0, 'count'], source: 'plan A.3: promtool test rules' }),
    ask({
      id: 'surviving',
      metric: 'rules.surviving-mutants',
      is: ['==', 0, 'count'],
      source: 'plan A.3: a mutated threshold makes a case fail',
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const { app } = world;
    const all = goldenRules(app, goldenSettingsOf(world.production));
    const valid = await promtool(world, attempt, all, ['check', 'rules', RULES], []);
    const files = ruleTests(all, app, RULES);
    const tested = await promtool(world, attempt, all, ['test', 'rules'], files);
    const mutants = all.alerts.filter((a) => a.when.every((c) => !c.query.startsWith('absent')));
    const surviving: string[] = [];
    for (const alert of mutants) {
      const changed = withMovedThreshold(rulesOf(alert, all), alert, 'deaf');
      if (
        (await promtool(world, attempt, changed, ['test', 'rules'], testOf(alert, all, app, RULES))).kind === 'accepted'
      )
        surviving.push(alert.alert);
    }
    const seen = (metric: string, count: number, n: number, text: string, says: string | undefined) =>
      note({ metric, unit: 'count', observed: exactly(count, n), method: { kind: 'command', text }, note: says });
    return [
      seen('rules.invalid', valid.kind === 'accepted' ? 0 : 1, all.alerts.length, 'promtool check rules', valid.says),
      seen('rules.failing', tested.kind === 'accepted' ? 0 : 1, files.length, 'promtool test rules', tested.says),
      seen(
        'rules.surviving-mutants',
        surviving.length,
        mutants.length,
        'promtool test rules, each threshold moved away in turn',
        surviving.join(', ') || undefined,
      ),
    ];
  },
});

type Answer = { readonly kind: 'accepted' | 'refused'; readonly says: string | undefined };

/** Run where the environment's own Prometheus comes from, so that it is the same version that judges. */
async function promtool(
  world: World,
  attempt: Attempt,
  tried: Rules,
  words: readonly string[],
  files: readonly RuleTestFile[],
): Promise<Answer> {
  const { runtime } = world.production;
  const { place } = runtime;
  const file = (path: string, content: string): UnitFile => ({
    store: STORE,
    path,
    content,
    mode: 0o644,
    user: 'monitoring',
  });
  await runtime.store(STORE, 'monitoring');
  try {
    await runtime.put([file(RULES, rulesText(tried)), ...files.map(({ name, content }) => file(name, content))]);
    const named = words.map((word) => (word === RULES ? place.path(STORE, RULES) : word));
    const end = await runtime.job(
      {
        name: 'rules-check',
        software: OF_PARTS,
        command: [place.program('promtool'), ...named, ...files.map((f) => place.path(STORE, f.name))],
        mounts: reads(STORE),
        networks: [],
        environment: {},
        user: 'monitoring',
        timeLimit: minutes(3),
      },
      attempt.signal,
    );
    if (end.kind !== 'exited') throw new Error(`promtool did not come to its end: ${end.kind}`);
    return end.code === 0
      ? { kind: 'accepted', says: undefined }
      : { kind: 'refused', says: cutText(end.output.trim(), 400) };
  } finally {
    await runtime.removeStore(STORE);
  }
}
