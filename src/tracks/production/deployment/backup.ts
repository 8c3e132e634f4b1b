import { archiveNow, backUp, lookAtRestoredCopy, writePosition } from '../../../environments/backup.ts';
import { withDatabase } from '../../../environments/database-access.ts';
import { contentDifferences, databaseContent } from '../../../environments/database-content.ts';
import { escrowedCopy } from '../../../environments/keys.ts';
import { changeRecord } from '../../../environments/record.ts';
import { absent, exactly } from '../../../evidence/measurement.ts';
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
    const before = await withDatabase(production, 'superuser', async (client) => ({
      content: await databaseContent(client),
      position: await writePosition(client),
    }));
    await archiveNow(production);
    const copy = await lookAtRestoredCopy(
      production,
      await escrowedCopy(production, 'backup-passphrase'),
      attempt.signal,
    );
    const differences = contentDifferences(before.content, copy.content);
    const sound = taken?.state === 'sound' && differences.length === 0;
    if (taken && sound)
      await changeRecord(production, {
        verifiedBackup: { label: taken.label, position: before.position, at: world.clock() },
      });
    const method = {
      kind: 'command',
      text: 'pgbackrest --type=full backup; restore with the escrowed passphrase',
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
      // In the life of a running app rows change between the two looks: what differs then says nothing of the backup.
      note({
        metric: 'backup.unreadable-with-escrow',
        unit: 'count',
        observed:
          copy.content.length >= before.content.length ? exactly(0, 1) : absent('the restored copy lacks tables'),
        method,
        note: differences[0] ?? `${copy.content.length} tables are the same`,
      }),
    ];
  },
});
