import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { fail, type Problem } from '../evidence/problem.ts';
import type { Clock, Digest, Milliseconds } from '../evidence/units.ts';
import { mebibytes } from '../evidence/units.ts';
import { type AllowList, type Artefacts, openArtefacts } from '../ledger/artefacts.ts';
import { type Exported, exportLedger } from '../ledger/export.ts';
import { ledgerKey } from '../ledger/keys.ts';
import { type Leaves, openLeaves } from '../ledger/leaves.ts';
import { CHECKPOINT_FILE } from '../ledger/log-files.ts';
import type { KnownSecret } from '../ledger/secret-search.ts';
import { startSequencer } from '../ledger/sequencer.ts';
import { type ShownEntry, showEntry } from '../ledger/show.ts';
import type { StateDirectory } from './state-directory.ts';

/** The ledger of a state directory: its leaves, its published files, its artefacts. */
export type Ledger = {
  readonly leaves: Leaves;
  readonly artefacts: Artefacts;
  /** For steps: keeps raw bytes; text as text, the rest as bytes. Refuses what holds a known secret. */
  keep(name: string, content: string | Uint8Array, retention: Milliseconds): Promise<Digest>;
  /** Why publishing stands still; undefined while it goes on. */
  problem(): Problem | undefined;
  /** The newest signed checkpoint, covering every leaf there is now. */
  checkpoint(): Promise<string>;
  exportTo(directory: string): Promise<Pick<Exported, 'artefacts' | 'tombstones'> & { readonly size: number }>;
  show(index: number): Promise<ShownEntry>;
  stop(): Promise<void>;
};

export type LedgerParts = {
  readonly state: StateDirectory;
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly secrets: () => readonly KnownSecret[];
  readonly log: (line: string) => void;
};

/** What a step may keep. What must not be in it is for the step's own redactions; known secrets are refused anyway. */
const STEPS: AllowList = {
  probe: 'step',
  mediaTypes: ['text/plain', 'application/octet-stream'],
  largest: mebibytes(64),
  redactions: [],
};

export async function openLedger({ state, pool, clock, secrets, log }: LedgerParts): Promise<Ledger> {
  const key = await ledgerKey(state.keys);
  const leaves = await openLeaves({ pool, key });
  const artefacts = openArtefacts({ directory: state.artefacts, clock, secrets });
  let problem: Problem | undefined;
  const sequencer = await startSequencer({
    pool,
    key,
    directory: state.ledger,
    onProblem: (met) => {
      if (problem?.what !== met.what) log(`ledger: ${met.what}`);
      problem = met;
    },
  });
  const published = async () => {
    const checkpoint = await sequencer.settled(await leaves.size());
    problem = undefined;
    return checkpoint;
  };
  return {
    leaves,
    artefacts,
    keep: (name, content, retention) => {
      const mediaType = typeof content === 'string' ? 'text/plain' : 'application/octet-stream';
      return artefacts.put({ name, mediaType, content, retention }, STEPS);
    },
    problem: () => problem,
    checkpoint: async () => {
      if ((await leaves.size()) === 0) return noLedgerYet(state);
      await published();
      return readFile(join(state.ledger, CHECKPOINT_FILE), 'utf8');
    },
    exportTo: async (to) => {
      await published();
      const {
        checkpoint,
        artefacts: kept,
        tombstones,
      } = await exportLedger({
        directory: state.ledger,
        key: key.verifier,
        to,
      });
      return { size: checkpoint.size, artefacts: kept, tombstones };
    },
    show: async (index) => {
      await published();
      return showEntry(state.ledger, key.verifier, index);
    },
    stop: () => sequencer.stop(),
  };
}

const noLedgerYet = (state: StateDirectory): never =>
  fail({
    kind: 'input',
    what: 'the ledger has no entry yet',
    where: state.ledger,
    next: 'launch something first',
  });
