import type { Client } from 'pg';
import { minutes } from '../evidence/units.ts';
import { carryOut, lay, OF_PARTS, writes } from '../parts/part.ts';
import type { Backup, BackupInfo } from '../parts/pgbackrest.ts';
import {
  archiveMounts,
  backupInfo,
  checkArchive,
  createStanza,
  fullBackup,
  pgbackrest,
  readBackupInfo,
  restoreInto,
} from '../parts/pgbackrest.ts';
import { dataStore, postgres } from '../parts/postgres.ts';
import type { JobEnd } from '../runtimes/unit.ts';
import { expectSuccess, LIVE_BACKUP, untilDatabaseAnswers } from './database.ts';
import { withDatabase } from './database-access.ts';
import type { TableContent } from './database-content.ts';
import { databaseContent } from './database-content.ts';
import type { Environment } from './environment.ts';
import { ownSecret } from './secrets.ts';

/** Makes the repository ready; harmless where it is. */
export async function prepareArchive(environment: Environment, signal: AbortSignal): Promise<void> {
  const { runtime } = environment;
  const end = await runtime.job(createStanza(LIVE_BACKUP, runtime.place), signal);
  expectSuccess(end, 'the backup repository could not be made', environment);
}

/** Pushes a WAL segment and waits for it in the archive. The end of that command is the observation. */
export function tryArchive(environment: Environment, signal: AbortSignal): Promise<JobEnd> {
  return environment.runtime.job(checkArchive(LIVE_BACKUP, environment.runtime.place), signal);
}

export async function readBackups(environment: Environment, config = LIVE_BACKUP): Promise<BackupInfo | undefined> {
  const { runtime } = environment;
  const end = await runtime.job(backupInfo('backup-info', config, runtime.place));
  return end.kind === 'exited' && end.code === 0 ? readBackupInfo(end.output) : undefined;
}

/**
 * Takes a full backup, encrypted, and returns what the repository says of it.
 *
 * @param name of the job: the same name finds a backup that was started before a crash
 */
export async function backUp(
  environment: Environment,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly backup: Backup | undefined; readonly cipher: string | undefined }> {
  const { runtime } = environment;
  expectSuccess(
    await runtime.job(fullBackup(name, LIVE_BACKUP, runtime.place), signal),
    'the backup failed',
    environment,
  );
  const info = await readBackups(environment);
  return { backup: info?.backups.at(-1), cipher: info?.cipher };
}

const RESTORED = 'restored';

export type RestoredCopy = { readonly content: readonly TableContent[]; readonly tookMs: number };

/**
 * Restores the latest backup, with the archive after it, beside the running database, looks at it, and removes it again.
 *
 * @param passphrase with which the repository is opened: the live one, or the escrowed copy, to prove that it works
 */
export async function lookAtRestoredCopy(
  environment: Environment,
  passphrase: string,
  signal: AbortSignal,
): Promise<RestoredCopy> {
  const { runtime, ports } = environment;
  const { place } = runtime;
  const config = 'restore-check';
  const port = ports.restored;
  const copy = postgres(
    {
      name: RESTORED,
      port,
      superuserPassword: await ownSecret(environment, 'postgres-superuser'),
      maxConnections: 20,
      wal: { kind: 'kept-here' },
      tls: undefined,
      archive: archiveMounts(config),
    },
    place,
  );
  const repository = pgbackrest({ name: config, postgres: RESTORED, port, passphrase, keepFull: 3 }, place);
  await forgetCopy(environment, config);
  try {
    const begun = performance.now();
    await lay(runtime, repository);
    await lay(runtime, copy);
    // Where data lies under root, pgBackRest wants the folder to be there with its owner.
    expectSuccess(
      await runtime.job(
        {
          name: 'restore-folder',
          software: OF_PARTS,
          mounts: writes(dataStore(RESTORED)),
          networks: [],
          command: ['/bin/mkdir', '-m', '700', '-p', place.path(dataStore(RESTORED), 'pgdata')],
          environment: {},
          user: 'postgres',
          timeLimit: minutes(1),
        },
        signal,
      ),
      'the folder for the restored copy could not be made',
      environment,
    );
    expectSuccess(
      await runtime.job(restoreInto('restore', config, RESTORED, place), signal),
      'the backup could not be restored',
      environment,
    );
    await carryOut(runtime, copy);
    await untilDatabaseAnswers(environment, minutes(10), signal, { unit: RESTORED, port });
    const tookMs = Math.round(performance.now() - begun);
    const content = await withDatabase(environment, 'superuser', databaseContent, { unit: RESTORED, port });
    return { content, tookMs };
  } finally {
    await forgetCopy(environment, config);
  }
}

async function forgetCopy({ runtime }: Environment, config: string): Promise<void> {
  await runtime.remove(RESTORED);
  const stores = new Set(await runtime.stores());
  for (const store of [dataStore(RESTORED), `${RESTORED}-socket`, `${RESTORED}-config`, `pgbackrest-${config}`])
    if (stores.has(store)) await runtime.removeStore(store);
}

/**
 * How many transactions have written: the next transaction id, which only a transaction that writes is given. The same
 * number later means that nothing was written in between.
 */
export async function writePosition(client: Client): Promise<string> {
  const { rows } = await client.query<{ next: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next');
  return rows[0]?.next ?? '';
}

/**
 * Asks Postgres to hand the current WAL segment to the archive, and waits until it is there, so that a restore reaches
 * this moment.
 *
 * @throws ProblemError `app`: the archive did not take it
 */
export async function archiveNow(environment: Environment): Promise<void> {
  await withDatabase(environment, 'superuser', (client) => client.query('SELECT pg_switch_wal()'), {
    database: 'postgres',
  });
  const end = await environment.runtime.job(checkArchive(LIVE_BACKUP, environment.runtime.place));
  expectSuccess(end, 'the archive did not take the last writes', environment);
}
