import type { Milliseconds } from '../evidence/units.ts';
import { minutes } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import type { Job, Mount } from '../runtimes/unit.ts';
import { OF_PARTS, type Part, writes } from './part.ts';
import { dataDirectory, dataStore, socketDirectory } from './postgres.ts';

export type PgbackrestSettings = {
  /** Name of the Postgres unit that is backed up. */
  readonly postgres: string;
  readonly port: number;
  /** The repository is encrypted with it (AES-256-CBC). Stands in a file of mode 0600 only. */
  readonly passphrase: string;
  /** How many full backups are kept. Three, because a backup of damaged pages counts too and pushes a good one out. */
  readonly keepFull: number;
  /** Distinguishes configurations on one environment: `live`, or `escrow` for one written with the escrowed passphrase. */
  readonly name: string;
};

const STANZA = 'main';
const REPOSITORY = 'backup-repository';
const configStore = (name: string) => `pgbackrest-${name}`;

export function pgbackrest(settings: PgbackrestSettings, place: Place): Part {
  const config = `[global]
repo1-path=${place.path(REPOSITORY)}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=${settings.passphrase}
repo1-retention-full=${settings.keepFull}
compress-type=lz4
start-fast=y
lock-path=${place.path(configStore(settings.name), 'lock')}
spool-path=${place.path(configStore(settings.name), 'spool')}
log-level-console=warn
log-level-file=off

[${STANZA}]
pg1-path=${dataDirectory(settings.postgres, place)}
pg1-port=${settings.port}
pg1-socket-path=${socketDirectory(settings.postgres, place)}
pg1-user=postgres
`;
  return {
    stores: [
      { name: REPOSITORY, owner: 'postgres' },
      { name: configStore(settings.name), owner: 'postgres' },
    ],
    files: [
      { store: configStore(settings.name), path: 'pgbackrest.conf', content: config, mode: 0o600, user: 'postgres' },
    ],
    units: [],
  };
}

const configFile = (name: string, place: Place) => place.path(configStore(name), 'pgbackrest.conf');

/** What Postgres runs for each WAL segment. */
export function archiveCommand(name: string, place: Place): string {
  return `${place.program('pgbackrest')} --config=${configFile(name, place)} --stanza=${STANZA} archive-push %p`;
}

/** What a Postgres server needs to run pgBackRest itself. */
export const archiveMounts = (config: string): readonly Mount[] => writes(configStore(config), REPOSITORY);

/** @param postgres whose data directory is read or restored; its own when the configuration's is not meant */
function job(
  name: string,
  config: string,
  place: Place,
  words: readonly string[],
  timeLimit: Milliseconds,
  postgres = 'postgres',
): Job {
  return {
    name,
    software: OF_PARTS,
    mounts: [...archiveMounts(config), ...writes(dataStore(postgres), `${postgres}-socket`)],
    networks: [],
    command: [place.program('pgbackrest'), `--config=${configFile(config, place)}`, `--stanza=${STANZA}`, ...words],
    environment: {},
    user: 'postgres',
    timeLimit,
  };
}

/** Makes the repository's stanza; harmless where it is there. */
export const createStanza = (config: string, place: Place): Job =>
  job('backup-create-stanza', config, place, ['stanza-create'], minutes(2));

/** Pushes a WAL segment through the archive and waits for it: proof that archiving works. */
export const checkArchive = (config: string, place: Place): Job =>
  job('backup-check-archive', config, place, ['check'], minutes(2));

/** @param name unique for each backup, so that one that was started is found again instead of started twice */
export const fullBackup = (name: string, config: string, place: Place): Job =>
  job(name, config, place, ['--type=full', 'backup'], minutes(60));

/** Holds what changed since the backup before it, and needs that one to be restored. */
export const incrementalBackup = (name: string, config: string, place: Place): Job =>
  job(name, config, place, ['--type=incr', 'backup'], minutes(60));

export const backupInfo = (name: string, config: string, place: Place): Job =>
  job(name, config, place, ['--output=json', 'info'], minutes(1));

/** Restores the latest backup, and the archive after it, into the data directory of another (stopped) Postgres. */
export const restoreInto = (name: string, config: string, postgres: string, place: Place): Job =>
  job(
    name,
    config,
    place,
    [`--pg1-path=${dataDirectory(postgres, place)}`, '--archive-mode=off', 'restore'],
    minutes(60),
    postgres,
  );

/** Restores into the stopped Postgres that the configuration names: only files that differ are fetched. */
export const restoreInPlace = (name: string, config: string, place: Place): Job =>
  job(name, config, place, ['--delta', 'restore'], minutes(60));

export type Backup = {
  readonly label: string;
  readonly type: string;
  /** Unix seconds. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly databaseBytes: number;
  readonly repositoryBytes: number;
  /** pgBackRest met damaged pages: such a backup still counts for retention, and is no backup to rely on. */
  readonly state: 'sound' | 'damaged-pages';
};

export type BackupInfo = { readonly cipher: string; readonly backups: readonly Backup[] };

/** Reads `info --output=json`; undefined where it is not what pgBackRest writes. */
export function readBackupInfo(output: string): BackupInfo | undefined {
  try {
    const [stanza] = JSON.parse(output.slice(output.indexOf('['))) as Stanza[];
    if (stanza === undefined) return undefined;
    return {
      cipher: stanza.cipher,
      backups: stanza.backup.map((b) => ({
        label: b.label,
        type: b.type,
        startedAt: b.timestamp.start,
        endedAt: b.timestamp.stop,
        databaseBytes: b.info.size,
        repositoryBytes: b.info.repository.size ?? b.info.repository.delta,
        state: b.error === false ? 'sound' : 'damaged-pages',
      })),
    };
  } catch {
    // Not JSON, or another shape: the caller has no backup to speak of.
    return undefined;
  }
}

type Stanza = {
  readonly cipher: string;
  readonly backup: readonly {
    readonly label: string;
    readonly type: string;
    readonly error: boolean | null;
    readonly timestamp: { readonly start: number; readonly stop: number };
    readonly info: { readonly size: number; readonly repository: { readonly size?: number; readonly delta: number } };
  }[];
};
