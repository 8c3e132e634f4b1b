import { join } from 'node:path';
import type { Pool } from 'pg';
import type { SignerKey } from '../evidence/note.ts';
import type { Problem } from '../evidence/problem.ts';
import type { Clock } from '../evidence/units.ts';
import { type Artefacts, openArtefacts } from './artefacts.ts';
import { ledgerKey } from './keys.ts';
import { type Leaves, openLeaves } from './leaves.ts';
import { ARTEFACTS_DIRECTORY } from './log-files.ts';
import type { KnownSecret } from './secret-search.ts';
import { type Sequencer, startSequencer } from './sequencer.ts';

/** Where a state directory keeps its ledger. */
export const ledgerDirectory = (state: string): string => join(state, 'ledger');
export const keyDirectory = (state: string): string => join(state, 'keys');

export type LedgerSettings = {
  readonly pool: Pool;
  /** The state directory; the ledger lives in `ledger/` and `keys/` of it. */
  readonly state: string;
  readonly clock: Clock;
  /** Every secret that is known at the moment; none of them is ever stored in an artefact. */
  readonly secrets: () => readonly KnownSecret[];
  readonly schema?: string;
  readonly onProblem?: (problem: Problem) => void;
};

/** All of the ledger, as the resident process holds it. */
export type Ledger = {
  readonly key: SignerKey;
  /** STATE/ledger: what `exportLedger`, `showEntry` and `verifyLedger` read. */
  readonly directory: string;
  readonly leaves: Leaves;
  readonly artefacts: Artefacts;
  readonly sequencer: Sequencer;
  stop(): Promise<void>;
};

/**
 * Opens the ledger of a state directory; key, tables and files are made where there are none.
 *
 * @throws ProblemError where another process holds it, or key, database and files do not belong together
 */
export async function openLedger(settings: LedgerSettings): Promise<Ledger> {
  const { pool, state, clock, secrets, schema, onProblem } = settings;
  const key = await ledgerKey(keyDirectory(state));
  const directory = ledgerDirectory(state);
  const table = { pool, key, ...(schema === undefined ? {} : { schema }) };
  const leaves = await openLeaves(table);
  const sequencer = await startSequencer({ ...table, directory, ...(onProblem ? { onProblem } : {}) });
  const artefacts = openArtefacts({ directory: join(directory, ARTEFACTS_DIRECTORY), clock, secrets });
  return { key, directory, leaves, artefacts, sequencer, stop: () => sequencer.stop() };
}
