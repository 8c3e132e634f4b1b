import { exactly } from '../../../evidence/measurement.ts';
import { minutes, seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { runBuild } from '../../../releases/build.ts';
import { wholeTree } from '../../../releases/source-tree.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import type { World } from '../../world.ts';
import { inCleanCopy } from './clean-copy.ts';

/** The app's build from a clean copy: how long it takes, and whether it comes out as the release did. */
export const build = (world: World): Step => ({
  id: 'C.1/build',
  task: 'C.1',
  title: 'Build from a clean copy, timed',
  needs: ['A.2/release'],
  inputs: { source: world.inputs.source, release: world.inputs.release },
  applies: appliesIf(world.app.build.length > 0, 'the app has no build'),
  // Not the disk: nothing of the way to production waits for this track, and the database would wait for the build.
  tokens: ['cpu'],
  estimate: seconds(20),
  objectives: [
    ask({ id: 'build-time', metric: 'build.duration', is: ['<', minutes(6), 'ms'], source: 'plan C.1: build < 6 min' }),
    ask({
      id: 'reproducible',
      metric: 'build.differing-trees',
      is: ['==', 0, 'count'],
      source: 'reproducible-builds.org',
      gate: 'inform',
    }),
  ],
  retry: { kind: 'never' },
  run: (attempt) =>
    inCleanCopy(world, 'build', async (folder) => {
      const note = notebook(world.host.name, world.clock);
      const startedAt = world.clock();
      await runBuild(world.app.build, folder, { host: world.host, progress: attempt.progress, signal: attempt.signal });
      const took = world.clock() - startedAt;
      const [again, release] = [await wholeTree(folder), await world.release()];
      const text = world.app.build.map((c) => c.join(' ')).join(' && ');
      return [
        note({ metric: 'build.duration', unit: 'ms', observed: timed(took), method: { kind: 'command', text } }),
        note({
          metric: 'build.differing-trees',
          unit: 'count',
          observed: exactly(again.digest === release.tree ? 0 : 1, 1),
          method: { kind: 'file', text: `SHA-256 of ${again.files.length} built files against the release's` },
        }),
      ];
    }),
});
