import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppTests } from '../../../config/app.ts';
import { absent, exactly, type Measurement } from '../../../evidence/measurement.ts';
import { days, minutes, seconds } from '../../../evidence/units.ts';
import type { CommandEnd } from '../../../hosts/host.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { howItEnded, lastLines, packageManagerSettings, runBuild } from '../../../releases/build.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import type { World } from '../../world.ts';
import { inCleanCopy } from './clean-copy.ts';
import { lineCoverage } from './coverage-report.ts';

/** Tests that have not ended after this long are stopped: three times what the plan allows. */
const LIMIT = minutes(12);

/** The app's own tests from a clean copy: whether they pass, how long they take, how much they cover. */
export const tests = (world: World): Step => ({
  id: 'C.1/tests',
  task: 'C.1',
  title: "Run the app's own tests from a clean copy",
  needs: ['A.2/release'],
  inputs: { source: world.inputs.source, release: world.inputs.release },
  applies: appliesIf(world.app.tests !== undefined, 'the app declares no tests'),
  // Not the disk: nothing of the way to production waits for this track, and the database would wait for the build.
  tokens: ['cpu'],
  estimate: seconds(60),
  objectives: [
    ask({ id: 'failing', metric: 'tests.failing-runs', is: ['==', 0, 'count'], source: 'plan C.1: tests pass' }),
    ask({ id: 'test-time', metric: 'tests.duration', is: ['<', minutes(4), 'ms'], source: 'plan C.1: tests < 4 min' }),
    ...(world.app.tests?.coverage
      ? [
          ask({
            id: 'coverage',
            metric: 'tests.line-coverage',
            is: ['>=', 85, 'percent'],
            source: 'plan C.1: coverage >= 85 %',
          }),
        ]
      : []),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const { tests: own } = world.app;
    if (!own) return [];
    return inCleanCopy(world, 'tests', (folder) => runTests(world, own, folder, attempt));
  },
});

async function runTests(world: World, own: AppTests, folder: string, attempt: Attempt): Promise<Measurement[]> {
  const { progress, signal } = attempt;
  await runBuild(own.prepare, folder, { host: world.host, progress, signal });
  const note = notebook(world.host.name, world.clock);
  const environment = { ...packageManagerSettings(process.env), ...own.environment };
  progress(`runs ${own.command.join(' ')}`);
  const end = await world.host.run({ argv: own.command, directory: folder, environment, timeLimit: LIMIT }, signal);
  const method = { kind: 'command', text: own.command.join(' ') } as const;
  const log = await attempt.artefact('tests.log', lastLines(end, 400).join('\n'), days(90));
  const coverage = own.coverage;
  return [
    note({
      metric: 'tests.failing-runs',
      unit: 'count',
      observed: failingRuns(end),
      method,
      artefacts: [log],
      note: `the tests ${howItEnded(end)}`,
    }),
    note({
      metric: 'tests.duration',
      unit: 'ms',
      observed: end.kind === 'exited' ? timed(end.took) : absent(`the tests ${howItEnded(end)}`),
      method,
    }),
    ...(coverage
      ? [
          note({
            metric: 'tests.line-coverage',
            unit: 'percent',
            observed: await readFile(join(folder, coverage.report), 'utf8').then(
              (text) => lineCoverage(text, coverage.format),
              () => absent(`the tests left no ${coverage.report}`),
            ),
            method: { kind: 'file', text: coverage.report },
          }),
        ]
      : []),
  ];
}

/** A run that was cut off says nothing about the tests. */
function failingRuns(end: CommandEnd) {
  return end.kind === 'exited' ? exactly(end.code === 0 ? 0 : 1, 1) : absent(`the tests ${howItEnded(end)}`);
}
