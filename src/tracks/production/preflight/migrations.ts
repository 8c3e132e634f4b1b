import { jobEndText, jobSucceeded, MIGRATION_LIMIT, runDatabaseCommand } from '../../../environments/database.ts';
import { withDatabase } from '../../../environments/database-access.ts';
import type { Environment } from '../../../environments/environment.ts';
import { LOCK_RESOLUTION, type SeenLock, whileWatchingLocks } from '../../../environments/lock-watch.ts';
import { absent, exactly, type Measurement, type Observed } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Down and up again: what a rollback would need, with the locks that readers would wait for. */
export const migrations = (world: World): Step => ({
  id: 'A.1/migrations',
  task: 'A.1',
  title: 'Migrations go up, down and up again',
  needs: ['A.2/release', 'A.1/latency', 'A.1/restore'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(
    world.app.database?.migrations !== undefined,
    world.app.database ? 'the app declares no migrations' : 'the app has no database',
  ),
  tokens: ['app'],
  estimate: seconds(5),
  objectives: [
    ask({
      id: 'failing',
      metric: 'migrations.failing',
      is: ['==', 0, 'count'],
      source: 'plan A.1: migrations up, down, up',
    }),
    ask({
      id: 'reversible',
      metric: 'migrations.without-way-back',
      is: ['==', 0, 'count'],
      source: 'plan A.1: migrations down',
      gate: 'warn',
    }),
    ask({
      id: 'duration',
      metric: 'migrations.duration',
      is: ['<', 60_000, 'ms'],
      source: 'our own bound for a start without a maintenance page',
      gate: 'warn',
    }),
    ask({
      id: 'locks',
      metric: 'migrations.longest-exclusive-lock',
      is: ['<', 1_000, 'ms'],
      source: 'our own bound: readers wait as long',
      gate: 'warn',
    }),
  ],
  retry: { kind: 'never' },
  run: async (attempt) => downAndUp(world, await world.preflight(attempt), attempt),
});

async function downAndUp(world: World, environment: Environment, attempt: Attempt): Promise<Measurement[]> {
  const declared = world.app.database?.migrations;
  if (!declared) return [];
  const release = await world.release();
  const note = notebook(world.host.name, world.clock);
  // The environment came up by the first "up"; its sample data stands where the way back would meet it.
  const commands = declared.down ? [declared.down, declared.up] : [declared.up];
  const failures: string[] = [];
  const begun = performance.now();
  const lock = await withDatabase(environment, 'superuser', async (watcher) => {
    const looks: number[] = [];
    // The watcher asks nothing but for the locks, so each time that its connection has nothing left to do was one look.
    watcher.on('drain', () => looks.push(performance.now()));
    const watchedFrom = performance.now();
    const { locks } = await whileWatchingLocks(watcher, async () => {
      for (const [i, command] of commands.entries()) {
        attempt.progress(`runs ${command.join(' ')}`);
        const end = await runDatabaseCommand(
          environment,
          release,
          { name: `migrate-check-${attempt.number}-${i}`, command, timeLimit: MIGRATION_LIMIT },
          attempt.signal,
        );
        if (!jobSucceeded(end)) failures.push(`${command.join(' ')} ${jobEndText(end)}`);
      }
    });
    return longestLock(locks, looks, [watchedFrom, performance.now()]);
  });
  const took = Math.round(performance.now() - begun);
  const method = { kind: 'command', text: commands.map((c) => c.join(' ')).join(' && ') } as const;
  return [
    note({
      metric: 'migrations.failing',
      unit: 'count',
      observed: exactly(failures.length, commands.length),
      method,
      note: failures[0],
    }),
    note({ metric: 'migrations.without-way-back', unit: 'count', observed: exactly(declared.down ? 0 : 1, 1), method }),
    note({
      metric: 'migrations.duration',
      unit: 'ms',
      observed: failures.length === 0 ? timed(took) : absent('a migration failed'),
      method,
    }),
    note({ metric: 'migrations.longest-exclusive-lock', unit: 'ms', method, ...lock }),
  ];
}

/**
 * The longest lock, from samples: it may have been taken right after the look before the first that saw it, and kept
 * until right before the look after the last. Of a look only the end is known, so its sample may lie as far back as the
 * end of the look before.
 *
 * @param looks when each look at the locks ended, in ms on the scale of `span`
 * @param span when the watching began and ended
 */
export function longestLock(
  locks: readonly SeenLock[],
  looks: readonly number[],
  span: readonly [begun: number, ended: number],
): { readonly observed: Observed; readonly note: string } {
  if (looks.length === 0)
    return { observed: absent('the locks were never looked at'), note: 'the migrations ended before the first look' };
  const moments = [...looks, ...span].sort((a, b) => a - b);
  const gap = Math.ceil(Math.max(...moments.slice(1).map((at, i) => at - (moments[i] ?? at))));
  const seen = `${looks.length} looks, at most ${gap} ms apart`;
  const worst = [...locks].sort((a, b) => b.heldFor - a.heldFor)[0];
  const value = worst?.heldFor ?? 0;
  const between = Math.max(0, value - LOCK_RESOLUTION);
  const interval = worst
    ? ([Math.max(0, between - gap), Math.max(value, between + 3 * gap)] as const)
    : ([0, 2 * gap] as const);
  return {
    observed: { kind: 'value', value, interval, n: looks.length, resolution: LOCK_RESOLUTION },
    note: worst
      ? `${worst.relation} for about ${value} ms; ${locks.length} relations in all; ${seen}`
      : `no exclusive lock was seen; ${seen}`,
  };
}
