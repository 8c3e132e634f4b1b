import { join } from 'node:path';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import { openCheckpoint } from '../evidence/checkpoint.ts';
import type { Leaf } from '../evidence/leaf.ts';
import { type Hash, inclusionProof, leafHash, provesInclusion } from '../evidence/merkle.ts';
import type { VerifierKey } from '../evidence/note.ts';
import { fail } from '../evidence/problem.ts';
import { statementText } from '../evidence/statement.ts';
import { TILE_WIDTH, tilesOfLevel } from '../evidence/tile.ts';
import { readIfThere } from './durable-file.ts';
import { checkEntry } from './entry-check.ts';
import { faultText } from './fault.ts';
import { type Judged, judgedBody } from './judged.ts';
import { CHECKPOINT_FILE, entriesOf, readLogFile, readTile } from './log-files.ts';

/** An entry with everything that shows it to be part of the ledger. */
export type ShownEntry = {
  readonly leaf: Leaf;
  /** The in-toto statement, as it was signed. */
  readonly statement: string;
  /** The DSSE envelope: the entry's own bytes. */
  readonly envelope: string;
  readonly hash: Hash;
  /** From the entry upwards; with `hash` it leads to the checkpoint's root (RFC 6962), which was tried. */
  readonly proof: readonly Hash[];
  readonly checkpoint: Checkpoint;
  /** The signed note that carries the checkpoint. */
  readonly signedCheckpoint: string;
  /** Of a measurement: its objectives, judged now. */
  readonly judged: readonly Judged[];
};

/**
 * One entry out of the files of a ledger (STATE/ledger or an export).
 *
 * @throws ProblemError where there is no such entry, or the files do not show it to be part of the ledger
 */
export async function showEntry(directory: string, key: VerifierKey, index: number): Promise<ShownEntry> {
  const where = `entry ${index} in ${directory}`;
  const refuse = (what: string) =>
    fail({ kind: 'host', what, where, next: `find out more with \`holdpoint ledger verify ${directory}\`` });
  const signedCheckpoint = (await readIfThere(join(directory, CHECKPOINT_FILE)))?.toString('utf8') ?? '';
  const opened = openCheckpoint(signedCheckpoint, [key]);
  if (opened.kind === 'unreadable') return refuse(`the checkpoint cannot be believed: ${opened.because}`);
  const checkpoint = opened.value;
  if (!Number.isSafeInteger(index) || index < 0 || index >= checkpoint.size)
    return fail({
      kind: 'input',
      what: `there is no such entry; the ledger has ${checkpoint.size}, counted from 0`,
      where,
      next: `give a number from 0 to ${checkpoint.size - 1}`,
    });
  const bytes = await readEntry(directory, checkpoint.size, index);
  if (bytes === undefined) return refuse('the entry cannot be read');
  const checked = await checkEntry(bytes, index, key);
  if (checked.kind === 'fault') return refuse(faultText(checked.fault));
  const hash = leafHash(bytes);
  const proof = inclusionProof(await leavesOf(directory, checkpoint.size, refuse), index);
  const claim = { index, size: checkpoint.size, leaf: hash, root: checkpoint.root, proof };
  if (checked.leaf.index !== index || !provesInclusion(claim))
    return refuse('the entry is not the one that the checkpoint covers at this place');
  const { leaf } = checked;
  const statement = statementText(leaf);
  const judged = judgedBody(leaf.body);
  return { leaf, statement, envelope: bytes.toString('utf8'), hash, proof, checkpoint, signedCheckpoint, judged };
}

async function readEntry(directory: string, size: number, index: number): Promise<Buffer | undefined> {
  const tile = tilesOfLevel('entries', size)[Math.floor(index / TILE_WIDTH)];
  const found = tile && (await readLogFile(directory, tile));
  return found && entriesOf(found, tile).entries[index % TILE_WIDTH];
}

async function leavesOf(directory: string, size: number, refuse: (what: string) => never): Promise<Hash[]> {
  const hashes: Hash[] = [];
  for (const tile of tilesOfLevel(0, size)) {
    const read = await readTile(directory, tile);
    if (read.kind === 'unreadable') return refuse(`tile ${tile.index} of the tree's hashes: ${read.because}`);
    hashes.push(...read.value);
  }
  return hashes;
}
