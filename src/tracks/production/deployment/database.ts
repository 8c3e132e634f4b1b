import { prepareArchive, tryArchive } from '../../../environments/backup.ts';
import { bringUpDatabase, jobEndText, jobSucceeded } from '../../../environments/database.ts';
import { withDatabase } from '../../../environments/database-access.ts';
import { exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Settings without which data can be damaged or lost unnoticed, as the running server itself says them. */
const WANTED: Readonly<Record<string, string>> = {
  data_checksums: 'on',
  archive_mode: 'on',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  password_encryption: 'scram-sha-256',
  ssl: 'on',
};

export const database = (world: World): Step => ({
  id: 'A.2/database',
  task: 'A.2',
  title: 'Postgres with checksums, archive and TLS',
  needs: ['A.2/keys', 'A.2/certificates'],
  inputs: { production: world.inputs.production, holdpoint: world.inputs.holdpoint },
  applies: appliesIf(
    world.app.database?.managed.kind === 'by-holdpoint',
    world.app.database ? 'the database is run by somebody else' : 'the app has no database',
  ),
  tokens: ['disk'],
  estimate: seconds(8),
  objectives: [
    ask({
      id: 'settings',
      metric: 'database.settings-wrong',
      is: ['==', 0, 'count'],
      source: 'plan A.2: checksums and archive',
    }),
    ask({ id: 'archive', metric: 'database.archive-failing', is: ['==', 0, 'count'], source: 'plan A.2: archive' }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const { production } = world;
    await bringUpDatabase(production, attempt.signal);
    attempt.progress('waits for WAL to arrive in the archive');
    await prepareArchive(production, attempt.signal);
    const archived = await tryArchive(production, attempt.signal);
    const names = Object.keys(WANTED);
    const wrong = await withDatabase(production, 'superuser', async (client) => {
      const { rows } = await client.query<{ name: string; setting: string }>(
        'SELECT name, setting FROM pg_settings WHERE name = ANY($1)',
        [names],
      );
      return names.flatMap((name) => {
        const is = rows.find((r) => r.name === name)?.setting ?? 'unknown';
        return is === WANTED[name] ? [] : [`${name} is ${is}, wanted ${WANTED[name]}`];
      });
    });
    return [
      note({
        metric: 'database.settings-wrong',
        unit: 'count',
        observed: exactly(wrong.length, names.length),
        method: { kind: 'query', text: `pg_settings: ${names.join(', ')}` },
        note: wrong.join('; ') || undefined,
      }),
      note({
        metric: 'database.archive-failing',
        unit: 'count',
        observed: exactly(jobSucceeded(archived) ? 0 : 1, 1),
        method: { kind: 'command', text: 'pgbackrest check: push a WAL segment and wait for it in the archive' },
        note: `it ${jobEndText(archived)}`,
      }),
    ];
  },
});
