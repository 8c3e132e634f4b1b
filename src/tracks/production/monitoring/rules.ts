import type { App } from '../../../config/app.ts';
import { jobEndText } from '../../../environments/database.ts';
import { goldenSettingsOf } from '../../../environments/monitoring.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { fail } from '../../../evidence/problem.ts';
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
  // Not for its evidence: everything waits for the release, and nothing for the rules.
  needs: ['A.2/release'],
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
    const mutants = all.alerts.filter((a) => a.when.every((c) => !c.query.startsWith('absent')));
    const sound = soundCases(all, app);
    const [valid, ...answers] = await promtool(world, attempt, [
      { rules: all, words: ['check', 'rules', RULES], files: [] },
      ...sound,
      ...mutants.map((alert) =>
        testCase(withMovedThreshold(rulesOf(alert, all), alert, 'deaf'), testOf(alert, all, app, RULES)),
      ),
    ]);
    const [tested, mutated] = [answers.slice(0, sound.length), answers.slice(sound.length)];
    if (valid === undefined || mutated.length < mutants.length)
      throw new Error('promtool did not answer to every case');
    const refused = tested.find((answer) => answer.kind === 'refused');
    const surviving = mutants.filter((_, at) => mutated[at]?.kind === 'accepted').map((alert) => alert.alert);
    const seen = (metric: string, count: number, n: number, text: string, says: string | undefined) =>
      note({ metric, unit: 'count', observed: exactly(count, n), method: { kind: 'command', text }, note: says });
    return [
      seen(
        'rules.invalid',
        valid.kind === 'accepted' ? 0 : 1,
        all.alerts.length,
        'promtool check rules',
        valid.kind === 'refused' ? valid.says : undefined,
      ),
      seen(
        'rules.failing',
        tested.filter((answer) => answer.kind === 'refused').length,
        tested.length,
        'promtool test rules, each alert by itself, and what the recordings read',
        refused?.says,
      ),
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

/** Rules and tests in a folder of their own, and what promtool is asked about them there. */
type Case = { readonly rules: Rules; readonly words: readonly string[]; readonly files: readonly RuleTestFile[] };
type Answer = { readonly kind: 'accepted' | 'refused'; readonly says: string };

const testCase = (rules: Rules, files: readonly RuleTestFile[]): Case => ({
  rules,
  words: ['test', 'rules', ...files.map((f) => f.name)],
  files,
});

/**
 * Each alert with the recordings that it reads, and all recordings by themselves. promtool evaluates every rule of a file
 * over the whole length of each of its tests: all alerts in one file took five times as long, to the same answers.
 */
const soundCases = (all: Rules, app: App): readonly Case[] => {
  const recordings = { ...all, alerts: [] };
  return [
    testCase(recordings, ruleTests(recordings, app, RULES)),
    ...all.alerts.map((alert) => testCase(rulesOf(alert, all), testOf(alert, all, app, RULES))),
  ];
};

/** Says after each case how it ended; what promtool printed stands before that line. */
const EACH = `
folder=$1 promtool=$2 count=$3
at=0
while [ "$at" -lt "$count" ]; do
  cd "$folder/$at"
  xargs -d '\n' "$promtool" <words 2>&1
  echo "$?-ended-$at"
  at=$((at + 1))
done
`;

/**
 * All cases in one job, where the environment's own Prometheus comes from: the version that judges is the one that will
 * run, and a container is started once.
 */
async function promtool(world: World, attempt: Attempt, cases: readonly Case[]): Promise<readonly Answer[]> {
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
    await runtime.put(
      cases.flatMap(({ rules: tried, words, files }, at) => [
        file(`${at}/words`, `${words.join('\n')}\n`),
        file(`${at}/${RULES}`, rulesText(tried)),
        ...files.map(({ name, content }) => file(`${at}/${name}`, content)),
      ]),
    );
    const end = await runtime.job(
      {
        name: 'rules-check',
        software: OF_PARTS,
        command: ['/bin/sh', '-c', EACH, 'each', place.path(STORE), place.program('promtool'), String(cases.length)],
        mounts: reads(STORE),
        networks: [],
        environment: {},
        user: 'monitoring',
        timeLimit: minutes(10),
      },
      attempt.signal,
    );
    if (end.kind !== 'exited')
      return fail({
        kind: 'host',
        what: `promtool ${jobEndText(end)}`,
        where: world.production.host.name,
        next: 'see whether the host can run it, then `holdpoint retry A.3/rules`',
      });
    return answersIn(end.output, cases.length);
  } finally {
    await runtime.removeStore(STORE);
  }
}

function answersIn(output: string, count: number): readonly Answer[] {
  let from = 0;
  return Array.from({ length: count }, (_, at): Answer => {
    const mark = new RegExp(`^(\\d+)-ended-${at}$`, 'm').exec(output.slice(from));
    if (mark === null) throw new Error(`promtool did not come to the end of case ${at}`);
    const says = cutText(output.slice(from, from + mark.index).trim(), 400);
    from += mark.index + mark[0].length;
    return { kind: mark[1] === '0' ? 'accepted' : 'refused', says };
  });
}
