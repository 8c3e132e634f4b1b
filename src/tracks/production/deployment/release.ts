import { exactly } from '../../../evidence/measurement.ts';
import { days, minutes, seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { buildRelease } from '../../../releases/build.ts';
import { wholeTree } from '../../../releases/source-tree.ts';
import { APPLIES, ask } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Builds the release once, from a clean copy, and names it by digest. Everything after it uses this digest. */
export const release = (world: World): Step => ({
  id: 'A.2/release',
  task: 'A.2',
  title: 'Build the release once, named by digest',
  needs: ['A.1/prepare'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: APPLIES,
  tokens: ['cpu', 'disk'],
  estimate: seconds(20),
  objectives: [
    ask({
      id: 'altered-files',
      metric: 'release.altered',
      is: ['==', 0, 'count'],
      source: 'plan A.2: one digest for staging and production',
      maximumAge: days(365),
    }),
    ask({
      id: 'build-time',
      metric: 'build.duration',
      is: ['<', minutes(6), 'ms'],
      source: 'plan C.1: build < 6 min',
      gate: 'warn',
      maximumAge: days(365),
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const { host, clock, releasesFolder: folder } = world;
    const built = await buildRelease(world.app, await world.checkout('release'), {
      host,
      clock,
      folder,
      progress: attempt.progress,
      signal: attempt.signal,
      images: world.production.runtime.images,
    });
    attempt.progress(`release ${built.digest}, ${built.files} files`);
    const now = await wholeTree(built.folder);
    const altered = now.digest === built.tree ? 0 : 1;
    const method = { kind: 'file', text: `SHA-256 of the ${now.files.length} files of the built tree` } as const;
    return [
      note({
        metric: 'release.altered',
        unit: 'count',
        observed: exactly(altered, now.files.length),
        method,
        note: built.digest,
      }),
      note({
        metric: 'build.duration',
        unit: 'ms',
        observed: timed(built.buildTook),
        method: { kind: 'command', text: world.app.build.map((c) => c.join(' ')).join(' && ') || 'copy of the source' },
      }),
    ];
  },
});
