import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Closed } from '../evidence/leaf.ts';
import { problemOf } from '../evidence/problem.ts';
import type { Instant } from '../evidence/units.ts';
import { HALF_WRITTEN, writeDurably } from '../ledger/durable-file.ts';
import type { Plan, StepId } from '../plan/step.ts';
import type { Tally } from '../plan/tally.ts';
import type { LaunchRequest } from './request.ts';

/**
 * What is kept of a launch beside the ledger: what was asked for, so that the plan can be made again after a restart,
 * and the last plan as data, so that a launch of long ago can still be shown. What is *done* stands in the ledger alone.
 */
export type LaunchRecord = {
  readonly launch: string;
  readonly kind: 'launch' | 'check';
  /** The one step of a check. */
  readonly step: StepId | undefined;
  readonly request: LaunchRequest;
  readonly plan: Plan;
  readonly askedAt: Instant;
  /** What it came to; written after the ledger has the launch's last leaf, so its absence says nothing. */
  readonly over?: Over;
};

export type Over = { readonly end: Closed['end']; readonly at: Instant; readonly tally: Tally };

/** The records in `STATE/launches`, one file each. */
export class LaunchRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async write(record: LaunchRecord): Promise<void> {
    await writeDurably(join(this.#directory, `${record.launch}.json`), `${JSON.stringify(record)}\n`, 0o600);
  }

  /** Forgets a launch that never got its first leaf. */
  async remove({ launch }: LaunchRecord): Promise<void> {
    await rm(join(this.#directory, `${launch}.json`), { force: true });
  }

  /** Every record that can be read, oldest first; what is wrong with the others goes to `complain`. */
  async all(complain: (line: string) => void): Promise<LaunchRecord[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const records: LaunchRecord[] = [];
    for (const name of await readdir(this.#directory)) {
      if (!name.endsWith('.json') || name.endsWith(HALF_WRITTEN)) continue;
      const file = join(this.#directory, name);
      try {
        const read: unknown = JSON.parse(await readFile(file, 'utf8'));
        if (isRecord(read)) records.push(read);
        else complain(`${file} is no record of a launch and is left out`);
      } catch (thrown) {
        complain(`${file} cannot be read and is left out: ${problemOf(thrown).what}`);
      }
    }
    return records.sort((a, b) => a.askedAt - b.askedAt);
  }
}

function isRecord(read: unknown): read is LaunchRecord {
  if (typeof read !== 'object' || read === null) return false;
  return 'launch' in read && typeof read.launch === 'string' && 'request' in read && 'plan' in read && 'kind' in read;
}
