import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RuntimeKind } from '../config/app.ts';
import { ProblemError } from '../evidence/problem.ts';
import type { Digest, Instant, Milliseconds } from '../evidence/units.ts';
import type { Slot } from '../runtimes/unit.ts';
import type { Routing } from './routed-service.ts';

/** Where an environment's data lies: `local` or an ssh destination, and what carries its units out there. */
export type StandsOn = {
  readonly host: string;
  readonly runtime: RuntimeKind;
  /** `unix:///var/run/docker.sock`: of the container engine, where this machine may have several. */
  readonly engine?: string;
};

/**
 * What is remembered of an environment beside its data.
 *
 * `epoch` counts how often its course was changed from outside: another release was aimed at, it was taken down,
 * destroyed, or found dead. Evidence about an environment depends on its epoch, so that evidence of a time before does
 * not count for the time after.
 */
export type EnvironmentRecord = {
  /** Chosen when it was first opened; undefined before that and once it is destroyed. */
  readonly standsOn: StandsOn | undefined;
  readonly epoch: number;
  /** Inputs of the release that a launch last aimed at. */
  readonly target: Digest | undefined;
  readonly live: Live | undefined;
  /** What runs beside it and gets no traffic yet. */
  readonly candidate: { readonly slot: Slot; readonly release: Digest; readonly took: Milliseconds } | undefined;
  /** The last backup that was restored and compared, and how many transactions had written by then. */
  readonly verifiedBackup: { readonly label: string; readonly position: string; readonly at: Instant } | undefined;
};

/** What the load balancer sends traffic to. */
export type Live = {
  readonly slot: Slot;
  readonly release: Digest;
  readonly since: Instant;
  /** In which traffic was sent there. */
  readonly epoch: number;
  /** The slot that people were served from until then. */
  readonly from: Slot | 'nobody was served';
  /** From the start of its instances until traffic reached them. */
  readonly took: Milliseconds;
  /** Where its requests go; not known of one that an earlier version of Holdpoint made live. */
  readonly routing?: Routing | undefined;
};

const FRESH: EnvironmentRecord = {
  standsOn: undefined,
  epoch: 0,
  target: undefined,
  live: undefined,
  candidate: undefined,
  verifiedBackup: undefined,
};

const ONLY_PLACE_ONCE: StandsOn = { host: 'local', runtime: 'process' };

/** Whatever has a folder that a record lies in. */
type Recorded = { readonly folder: string };

const pathOf = (environment: Recorded) => join(environment.folder, 'environment.json');

export async function readRecord(environment: Recorded): Promise<EnvironmentRecord> {
  let text: string;
  try {
    text = await readFile(pathOf(environment), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return FRESH;
    throw error;
  }
  try {
    const record = { ...FRESH, ...(JSON.parse(text) as Partial<EnvironmentRecord>) };
    // From a version that knew one place alone: its data lies there, whatever would be chosen today.
    const before = record.target === undefined ? undefined : ONLY_PLACE_ONCE;
    return { ...record, standsOn: record.standsOn ?? before };
  } catch (cause) {
    throw new ProblemError(
      {
        kind: 'host',
        what: 'the record of the environment cannot be read',
        where: pathOf(environment),
        next: 'restore the file from a backup of the state directory; nothing was changed',
      },
      { cause },
    );
  }
}

/** Replaces the record whole: after a crash it is either the old one or the new one. */
export async function changeRecord(
  environment: Recorded,
  change: Partial<EnvironmentRecord>,
): Promise<EnvironmentRecord> {
  const next = { ...(await readRecord(environment)), ...change };
  const path = pathOf(environment);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const file = await open(`${path}.new`, 'w', 0o644);
  try {
    await file.writeFile(`${JSON.stringify(next, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  return next;
}
