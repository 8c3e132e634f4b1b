import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from '../config/app.ts';
import { fail, type Problem, ProblemError } from '../evidence/problem.ts';
import type { Milliseconds } from '../evidence/units.ts';
import { minutes, seconds } from '../evidence/units.ts';
import { LONGEST_SOCKET_PATH } from '../hosts/unix-socket.ts';
import { cutText } from '../ledger/secret-search.ts';
import { carryOut, lay } from '../parts/part.ts';
import { archiveCommand, archiveMounts, pgbackrest } from '../parts/pgbackrest.ts';
import { postgres, socketDirectory } from '../parts/postgres.ts';
import type { Release } from '../releases/release.ts';
import type { JobEnd } from '../runtimes/unit.ts';
import { ensureCertificates } from './certificates.ts';
import { withDatabase } from './database-access.ts';
import { ensureRolesAndDatabase } from './database-role.ts';
import type { Environment } from './environment.ts';
import { handOverTo } from './hand-over.ts';
import { ownSecret } from './secrets.ts';
import { releaseSoftware, serviceOfCommands, surroundings, withValues } from './service-units.ts';

export const LIVE_BACKUP = 'live';
export const POSTGRES = 'postgres';

/** WAL is handed to the archive at latest after so many seconds: the most that a lost disk may cost without a receiver. */
export const ARCHIVE_TIMEOUT_SECONDS = 60;

export async function databaseParts(environment: Environment) {
  const { place } = environment.runtime;
  const certificates = await ensureCertificates(environment);
  const live = postgres(
    {
      name: POSTGRES,
      port: environment.ports.postgres,
      superuserPassword: await ownSecret(environment, 'postgres-superuser'),
      maxConnections: 200,
      wal: { kind: 'archived', command: archiveCommand(LIVE_BACKUP, place), timeoutSeconds: ARCHIVE_TIMEOUT_SECONDS },
      tls: { ...certificates.server, authority: certificates.authority },
      archive: archiveMounts(LIVE_BACKUP),
    },
    place,
  );
  const backup = pgbackrest(
    {
      name: LIVE_BACKUP,
      postgres: POSTGRES,
      port: environment.ports.postgres,
      passphrase: await ownSecret(environment, 'backup-passphrase'),
      keepFull: 3,
    },
    place,
  );
  return { live, backup };
}

/** Brings the database up: data directory, server, roles and the app's database. What is there already stays. */
export async function bringUpDatabase(environment: Environment, signal: AbortSignal): Promise<void> {
  const { runtime } = environment;
  requireSocketPath(environment);
  const { live, backup } = await databaseParts(environment);
  await lay(runtime, backup);
  await lay(runtime, live);
  expectSuccess(await runtime.job(live.initialise, signal), 'the data directory could not be made', environment);
  const before = await runtime.inspect(POSTGRES);
  await carryOut(runtime, live);
  await untilDatabaseAnswers(environment, seconds(60), signal);
  // A server that ran already takes up a renewed certificate only when told.
  if (before.kind === 'running') await runtime.signal(POSTGRES, 'SIGHUP');
  await ensureRolesAndDatabase(environment);
}

/**
 * Postgres itself would only say in its log that the path of its socket is too long.
 *
 * @throws ProblemError `input`
 */
export function requireSocketPath({ app, runtime, ports }: Environment): void {
  if (app.database?.managed.kind !== 'by-holdpoint') return;
  const path = `${socketDirectory(POSTGRES, runtime.place)}/.s.PGSQL.${ports.postgres}`;
  const over = Buffer.byteLength(path) - LONGEST_SOCKET_PATH;
  if (over <= 0) return;
  const fits = app.name.length - over;
  fail({
    kind: 'input',
    what: `the path of the socket of Postgres is ${over} bytes longer than a socket's may be`,
    where: path,
    next:
      fits > 0
        ? `give the app a name of at most ${fits} letters, or a shorter state directory with --state DIR`
        : 'give a shorter state directory with --state DIR',
  });
}

export async function untilDatabaseAnswers(
  environment: Environment,
  within: Milliseconds,
  signal: AbortSignal,
  { unit, port }: { readonly unit: string; readonly port: number } = {
    unit: POSTGRES,
    port: environment.ports.postgres,
  },
): Promise<void> {
  const end = performance.now() + within;
  for (;;) {
    try {
      await withDatabase(environment, 'superuser', (client) => client.query('SELECT 1'), {
        unit,
        port,
        database: 'postgres',
      });
      return;
    } catch (cause) {
      if (isOtherPassword(cause))
        throw new ProblemError(otherPassword(environment, `${unit}, port ${port}`), { cause });
      if (signal.aborted || performance.now() > end)
        throw new ProblemError(
          {
            kind: 'app',
            what: `the database of ${environment.name} did not answer within ${within / 1000} s`,
            where: `${unit}, port ${port}`,
            next: 'look at its last lines below',
            detail: await environment.runtime.logs(unit, 8),
          },
          { cause },
        );
      await sleep(100);
    }
  }
}

/** An answer that no waiting changes: the data was there before this state directory made its passwords. */
const isOtherPassword = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === '28P01';

const otherPassword = ({ name, runtime }: Environment, where: string): Problem => ({
  kind: 'conflict',
  what: `the database of ${name} was made with another password than this state directory has`,
  where,
  next: `its data is left from a state directory that was removed or replaced: give that one with --state, or see what is there and remove it (${
    runtime.kind === 'docker' ? '`docker volume ls`' : runtime.place.path('postgres-data', '')
  })`,
});

/** How one of the app's own commands about its database (migrations, sample data) ended. */
export type DatabaseCommand = { readonly name: string; readonly command: Command; readonly timeLimit: Milliseconds };

/**
 * Runs one of the app's own database commands as a job, in the release's folder, with what the service has whose software
 * it uses: its environment, the database, the cache and the secrets. The job is found again if Holdpoint is killed
 * meanwhile.
 */
export async function runDatabaseCommand(
  environment: Environment,
  release: Release,
  { name, command, timeLimit }: DatabaseCommand,
  signal: AbortSignal,
): Promise<JobEnd> {
  const { runtime, app } = environment;
  const store = 'handover-database';
  const service = serviceOfCommands(app);
  await handOverTo(environment, service, store);
  const seen = surroundings(environment, service, store, undefined);
  return runtime.job(
    {
      name,
      software: releaseSoftware(release, app),
      command: withValues(seen.given, command),
      mounts: seen.mounts,
      networks: ['app', 'database'],
      environment: seen.environment,
      user: 'app',
      timeLimit,
    },
    signal,
  );
}

export const MIGRATION_LIMIT: Milliseconds = minutes(30);

export function jobEndText(end: JobEnd): string {
  switch (end.kind) {
    case 'exited':
      return `ended with exit status ${end.code}`;
    case 'timed-out':
      return 'was stopped at its time limit';
    case 'lost':
      return `was lost: ${end.reason}`;
  }
}

export const jobOutput = (end: JobEnd): string => (end.kind === 'lost' ? '' : end.output);

export const jobSucceeded = (end: JobEnd): end is JobEnd & { kind: 'exited' } =>
  end.kind === 'exited' && end.code === 0;

/** For work that nothing can go on without. Its last lines are shown: they are of our own parts or of the app's command. */
export function expectSuccess(
  end: JobEnd,
  what: string,
  environment: Environment,
): asserts end is JobEnd & { kind: 'exited' } {
  if (jobSucceeded(end)) return;
  // pgBackRest quotes what it could not read: bytes that are no text, when a passphrase is wrong.
  const detail = jobOutput(end)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => cutText(line.replace(/[\p{C}\uFFFD]+/gu, '?'), 200))
    .slice(-10);
  throw new ProblemError({
    kind: 'app',
    what: `${what}: the command ${jobEndText(end)}`,
    where: environment.name,
    next: 'mend what the last lines say, then `holdpoint retry` the step',
    detail,
  });
}
