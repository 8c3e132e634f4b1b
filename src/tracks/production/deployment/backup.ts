import { archiveNow, backUp, lookAtRestoredCopy, writePosition } from '../../../environments/backup.ts';
import { withDatabase } from '../../../environments/database-access.ts';
import { contentDifferences, databaseContent, type TableContent } from '../../../environments/database-content.ts';
import { escrowedCopy } from '../../../environments/keys.ts';
import { changeRecord } from '../../../environments/record.ts';
import { absent, exactly, type Observed } from '../../../evidence/measurement.ts';
import { hours, seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** A full backup before the migrations, restored with the escrowed key: the way back exists before it may be needed. */
export const backup = (world: World): Step => ({
  id: 'A.2/backup',
  task: 'A.2',
  title: 'Encrypted backup before the migrations, opened with the escrowed key',
  needs: ['A.2/database'],
  inputs: { production: world.inputs.production, release: world.inputs.release },
  applies: appliesIf(
    world.app.database?.managed.kind === 'by-holdpoint',
    world.app.database ? 'the database is run by somebody else' : 'the app has no database',
  ),
  tokens: ['disk'],
  estimate: seconds(15),
  objectives: [
    ask({
      id: 'damaged',
      metric: 'backup.damaged',
      is: ['==', 0, 'count'],
      source: 'pgBackRest: page checksums',
      maximumAge: hours(24),
    }),
    ask({
      id: 'unencrypted',
      metric: 'backup.unencrypted',
      is: ['==', 0, 'count'],
      source: 'plan A.2: an encrypted full backup before migrations',
      maximumAge: hours(24),
    }),
    ask({
      id: 'unreadable',
      metric: 'backup.unreadable-with-escrow',
      is: ['==', 0, 'count'],
      source: 'plan A.2: an escrowed copy that is used once',
      maximumAge: hours(24),
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const { production } = world;
    const { backup: taken, cipher } = await backUp(
      production,
      `backup-${attempt.launch}-${attempt.number}`,
      attempt.signal,
    );
    attempt.progress('opens it with the escrowed key and restores it beside the database');
    const counted = await withDatabase(production, 'superuser', async (client) => ({
      content: await databaseContent(client),
      position: await writePosition(client),
    }));
    await archiveNow(production);
    const copy = await lookAtRestoredCopy(
      production,
      await escrowedCopy(production, 'backup-passphrase'),
      attempt.signal,
    );
    const after = await withDatabase(production, 'superuser', databaseContent);
    const differences = contentDifferences(counted.content, copy.content);
    const sound = taken?.state === 'sound' && differences.length === 0;
    if (taken && sound)
      await changeRecord(production, {
        verifiedBackup: { label: taken.label, position: counted.position, at: world.clock() },
      });
    const method = {
      kind: 'command',
      text: 'pgbackrest --type=full backup; restore with the escrowed passphrase; count and hash of every row on both sides',
    } as const;
    return [
      note({
        metric: 'backup.damaged',
        unit: 'count',
        observed: exactly(taken?.state === 'sound' ? 0 : 1, taken ? 1 : 0),
        method,
        note: taken
          ? `${taken.label}, ${taken.databaseBytes} bytes, ${taken.repositoryBytes} in the repository`
          : undefined,
      }),
      note({
        metric: 'backup.unencrypted',
        unit: 'count',
        observed: exactly(cipher === 'aes-256-cbc' ? 0 : 1, cipher === undefined ? 0 : 1),
        method,
        note: cipher,
      }),
      note({
        metric: 'backup.unreadable-with-escrow',
        unit: 'count',
        method,
        ...compared(counted.content, after, copy.content),
      }),
    ];
  },
});

/**
 * What the restored copy says of the backup. Where the database was at rest, both hold the same rows. Where a running app
 * wrote meanwhile there is no moment to compare with: the copy must hold every table, and as many rows, as were counted
 * before the archive took the last of them.
 *
 * @param counted in the database, after the backup and before the archive was asked for the rest
 * @param after the same, once the copy was looked at
 */
export function compared(
  counted: readonly TableContent[],
  after: readonly TableContent[],
  restored: readonly TableContent[],
): { readonly observed: Observed; readonly note: string } {
  const rows = counted.reduce((sum, table) => sum + table.rows, 0);
  if (contentDifferences(counted, after).length === 0) {
    const difference = contentDifferences(counted, restored)[0];
    if (difference !== undefined) return { observed: exactly(1, 1), note: difference };
    // The first launch backs up an empty database: what is shown is that the restore works.
    return { observed: exactly(0, 1), note: `${counted.length} tables with ${rows} rows are the same on both sides` };
  }
  const note = `rows were written meanwhile, so only counts were compared: ${counted.length} tables with ${rows} rows`;
  if (counted.length === 0)
    return {
      observed: absent('the first tables came while the backup was looked at: there is nothing to compare'),
      note,
    };
  const tables = counted.flatMap((table) => {
    const now = after.find((t) => t.table === table.table);
    return now ? [{ ...table, least: Math.min(table.rows, now.rows), restored: rowsOf(restored, table) }] : [];
  });
  const short = tables.find((t) => t.restored === undefined || t.restored < t.least);
  if (short)
    return {
      observed: exactly(1, 1),
      note: `${short.table} has ${short.restored ?? 'no'} rows in the restored copy, at least ${short.least} in the database`,
    };
  const fewer = tables.find((t) => t.restored !== undefined && t.restored < t.rows);
  if (fewer)
    return {
      observed: absent(`rows of ${fewer.table} are deleted while the backup is looked at: counts cannot be compared`),
      note,
    };
  return { observed: exactly(0, 1), note: `${note}, all of them in the restored copy` };
}

const rowsOf = (content: readonly TableContent[], { table }: TableContent): number | undefined =>
  content.find((t) => t.table === table)?.rows;
