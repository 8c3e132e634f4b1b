import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import { openCheckpoint } from '../evidence/checkpoint.ts';
import { encodeVerifierKey, type VerifierKey } from '../evidence/note.ts';
import { fail } from '../evidence/problem.ts';
import { encodeBundle, type Tile, tilePath, tilesOfLevel, tilesOfTree } from '../evidence/tile.ts';
import { artefactFiles, getArtefact, listArtefacts } from './artefacts.ts';
import { isCode, readIfThere, writeDurably } from './durable-file.ts';
import { PUBLIC_KEY_FILE } from './keys.ts';
import { ARTEFACTS_DIRECTORY, CHECKPOINT_FILE, entriesOf, readLogFile } from './log-files.ts';

export type ExportRequest = {
  /** STATE/ledger */
  readonly directory: string;
  readonly key: VerifierKey;
  /** A new or an empty directory. */
  readonly to: string;
};

export type Exported = { readonly checkpoint: Checkpoint; readonly artefacts: number; readonly tombstones: number };

/**
 * Copies everything that a verification needs: entries, tiles, public key, artefacts or their tombstones, and the
 * checkpoint last, so that an export that was cut off is seen to be one. It covers what the checkpoint covers at this
 * moment; wait for the sequencer first.
 *
 * @throws ProblemError where the target is not empty, or a file of the ledger is missing or damaged
 */
export async function exportLedger({ directory, key, to }: ExportRequest): Promise<Exported> {
  await makeEmpty(to);
  const signed = await readIfThere(join(directory, CHECKPOINT_FILE));
  if (signed === undefined)
    return fail({
      kind: 'input',
      what: 'there is no ledger to export: nothing was published yet',
      where: join(directory, CHECKPOINT_FILE),
      next: 'launch something first, or name the right state directory with --state',
    });
  const checkpoint = openCheckpoint(signed.toString('utf8'), [key]);
  if (checkpoint.kind === 'unreadable') return damaged(join(directory, CHECKPOINT_FILE), checkpoint.because);
  const { size } = checkpoint.value;
  for (const tile of tilesOfTree(size)) await copyTile(directory, to, tile);
  for (const tile of tilesOfLevel('entries', size)) await copyBundle(directory, to, tile);
  const copied = await copyArtefacts(directory, to);
  await writeDurably(join(to, PUBLIC_KEY_FILE), `${encodeVerifierKey(key)}\n`, 0o644);
  await writeDurably(join(to, CHECKPOINT_FILE), signed, 0o644);
  return { checkpoint: checkpoint.value, ...copied };
}

async function makeEmpty(to: string): Promise<void> {
  await mkdir(to, { recursive: true }).catch((error: unknown) => {
    if (isCode(error, 'EEXIST') || isCode(error, 'ENOTDIR')) return refuseTarget(to, 'it is no directory');
    throw error;
  });
  if ((await readdir(to)).length > 0) refuseTarget(to, 'it is not empty');
}

const refuseTarget = (where: string, because: string) =>
  fail({
    kind: 'input',
    what: `the ledger cannot be exported there: ${because}`,
    where,
    next: 'name a new or an empty directory',
  });

const damaged = (where: string, because: string) =>
  fail({
    kind: 'host',
    what: `the ledger's files are damaged: ${because}`,
    where,
    next: `keep a copy, move ${dirname(where)} away and start \`holdpoint serve\`: the files are made anew from the database`,
  });

/** A fuller tile is cut to what the checkpoint covers, so that an export holds nothing beyond it. */
async function copyTile(directory: string, to: string, tile: Tile): Promise<void> {
  const found = await readLogFile(directory, tile);
  if (found === undefined) return damaged(join(directory, tilePath(tile)), 'a tile is missing');
  await writeDurably(join(to, tilePath(tile)), found.content.subarray(0, tile.width * 32), 0o644);
}

async function copyBundle(directory: string, to: string, tile: Tile): Promise<void> {
  const found = await readLogFile(directory, tile);
  if (found === undefined) return damaged(join(directory, tilePath(tile)), 'a bundle of entries is missing');
  // A file of the exact width is copied as it is, damage included: to say what is wrong with it is for verify.
  const exact = found.file === tilePath(tile);
  const content = exact ? found.content : encodeBundle(entriesOf(found, tile).entries);
  await writeDurably(join(to, tilePath(tile)), content, 0o644);
}

async function copyArtefacts(directory: string, to: string): Promise<{ artefacts: number; tombstones: number }> {
  const count = { artefacts: 0, tombstones: 0 };
  const from = join(directory, ARTEFACTS_DIRECTORY);
  for (const digest of await listArtefacts(from)) {
    const files = artefactFiles(digest);
    const record = await readIfThere(join(from, files.record));
    if (record !== undefined) await writeDurably(join(to, ARTEFACTS_DIRECTORY, files.record), record, 0o600);
    const found = await getArtefact(from, digest);
    if (found.kind === 'gone') count.tombstones++;
    // The content of what is gone stays behind even where a sweep has not come to it yet.
    const content = found.kind === 'gone' ? undefined : await readIfThere(join(from, files.content));
    if (content === undefined) continue;
    await writeDurably(join(to, ARTEFACTS_DIRECTORY, files.content), content, 0o600);
    count.artefacts++;
  }
  return count;
}
