import {
  expectSuccess,
  jobEndText,
  jobSucceeded,
  MIGRATION_LIMIT,
  runDatabaseCommand,
} from '../../../environments/database.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import type { World } from '../../world.ts';

/** The app's own migrations on the production database, after the backup. */
export const migrate = (world: World): Step => ({
  id: 'A.2/migrate',
  task: 'A.2',
  title: 'Migrate the database',
  needs: ['A.2/backup', 'A.2/cache', 'A.2/release'],
  inputs: { production: world.inputs.production, release: world.inputs.release },
  applies: appliesIf(
    world.app.database?.migrations !== undefined,
    world.app.database ? 'the app declares no migrations' : 'the app has no database',
  ),
  tokens: ['app'],
  estimate: seconds(2),
  objectives: [
    ask({ id: 'failing', metric: 'migrations.failing', is: ['==', 0, 'count'], source: 'plan A.2: migrations' }),
    ask({
      id: 'duration',
      metric: 'migrations.duration',
      is: ['<', 60_000, 'ms'],
      source: 'our own bound',
      gate: 'warn',
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const migrations = world.app.database?.migrations;
    if (!migrations) return [];
    const note = notebook(world.host.name, world.clock);
    const release = await world.release();
    const run = (name: string, command: typeof migrations.up) =>
      runDatabaseCommand(
        world.production,
        release,
        { name: `${name}-${attempt.launch}-${attempt.number}`, command, timeLimit: MIGRATION_LIMIT },
        attempt.signal,
      );
    const begun = world.clock();
    const end = await run('migrate', migrations.up);
    const took = world.clock() - begun;
    if (!jobSucceeded(end)) {
      // The command's own last lines are what a person needs: as a Problem they are shown with the hold.
      expectSuccess(end, 'the migration failed', world.production);
    }
    const status = migrations.status ? await run('migrate-status', migrations.status) : undefined;
    const method = { kind: 'command', text: migrations.up.join(' ') } as const;
    return [
      note({
        metric: 'migrations.failing',
        unit: 'count',
        observed: exactly(status && !jobSucceeded(status) ? 1 : 0, status ? 2 : 1),
        method,
        note: status ? `status ${jobEndText(status)}` : undefined,
      }),
      note({ metric: 'migrations.duration', unit: 'ms', observed: timed(took), method }),
    ];
  },
});
