import { setTimeout as sleep } from 'node:timers/promises';
import { archiveNow, backUp, lookAtRestoredCopy, prepareArchive } from '../../../environments/backup.ts';
import { withDatabase } from '../../../environments/database-access.ts';
import { contentDifferences, databaseContent, type TableContent } from '../../../environments/database-content.ts';
import type { Environment } from '../../../environments/environment.ts';
import { ownSecret } from '../../../environments/secrets.ts';
import { absent, exactly, type Measurement } from '../../../evidence/measurement.ts';
import { hours, seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook, timed } from '../../observing.ts';
import type { World } from '../../world.ts';

/** A backup is one only when it was restored: taken, brought back beside the database, compared row by row. */
export const restore = (world: World): Step => ({
  id: 'A.1/restore',
  task: 'A.1',
  title: 'A backup is restored and holds the same rows',
  needs: ['A.2/release', 'A.1/latency'],
  inputs: { release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(
    world.app.database?.managed.kind === 'by-holdpoint',
    world.app.database ? 'the database is not ours to back up' : 'the app has no database',
  ),
  tokens: ['app', 'disk'],
  estimate: seconds(20),
  objectives: [
    ask({
      id: 'differing',
      metric: 'restore.differing-tables',
      is: ['==', 0, 'count'],
      source: 'plan A.1: a restored backup holds the same content',
    }),
    ask({ id: 'damaged', metric: 'backup.damaged', is: ['==', 0, 'count'], source: 'pgBackRest: page checksums' }),
    ask({
      id: 'unencrypted',
      metric: 'backup.unencrypted',
      is: ['==', 0, 'count'],
      source: 'plan A.2: encrypted backups',
    }),
    ask({ id: 'restore-time', metric: 'restore.duration', is: ['<=', hours(4), 'ms'], source: 'plan B.2: RTO <= 4 h' }),
  ],
  retry: { kind: 'never' },
  run: async (attempt) => backUpAndCompare(world, await world.preflight(attempt), attempt),
});

async function backUpAndCompare(world: World, environment: Environment, attempt: Attempt): Promise<Measurement[]> {
  const note = notebook(world.host.name, world.clock);
  const { signal } = attempt;
  attempt.progress('takes an encrypted full backup');
  await prepareArchive(environment, signal);
  const { backup, cipher } = await backUp(environment, `backup-check-${attempt.number}`, signal);
  const live = await contentAtRest(environment);
  attempt.progress('restores it beside the database and compares');
  const copy = await lookAtRestoredCopy(environment, await ownSecret(environment, 'backup-passphrase'), signal);
  const differences = live === 'restless' ? [] : contentDifferences(live, copy.content);
  const rows = copy.content.reduce((sum, table) => sum + table.rows, 0);
  const method = {
    kind: 'command',
    text: 'pgbackrest --type=full backup; pgbackrest restore; count and hash of every row of every table on both sides',
  } as const;
  return [
    note({
      metric: 'restore.differing-tables',
      unit: 'count',
      observed:
        live === 'restless'
          ? absent('somebody kept writing, so there is no moment to compare with')
          : exactly(differences.length, live.length),
      method,
      note: differences[0] ?? `${copy.content.length} tables, ${rows} rows`,
    }),
    note({
      metric: 'backup.damaged',
      unit: 'count',
      observed: exactly(backup?.state === 'sound' ? 0 : 1, backup ? 1 : 0),
      method,
      note: backup?.label,
    }),
    note({
      metric: 'backup.unencrypted',
      unit: 'count',
      observed: exactly(cipher === 'aes-256-cbc' ? 0 : 1, cipher === undefined ? 0 : 1),
      method,
      note: cipher,
    }),
    note({ metric: 'restore.duration', unit: 'ms', observed: timed(copy.tookMs), method }),
  ];
}

/** What the database holds at a moment that the archive reaches: agents may still be busy with what the load left. */
async function contentAtRest(environment: Environment): Promise<readonly TableContent[] | 'restless'> {
  for (let tries = 0; tries < 20; tries++) {
    const before = await withDatabase(environment, 'superuser', databaseContent);
    await archiveNow(environment);
    const after = await withDatabase(environment, 'superuser', databaseContent);
    if (contentDifferences(before, after).length === 0) return after;
    await sleep(1_000);
  }
  return 'restless';
}
