import { join } from 'node:path';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import { openCheckpoint, parseCheckpoint } from '../evidence/checkpoint.ts';
import { leafHash } from '../evidence/merkle.ts';
import { parseNote, parseVerifierKey, type VerifierKey } from '../evidence/note.ts';
import { problemOf } from '../evidence/problem.ts';
import { TILE_WIDTH, type Tile, tilePath, tilesOfLevel } from '../evidence/tile.ts';
import type { Digest } from '../evidence/units.ts';
import { getArtefact } from './artefacts.ts';
import { readIfThere } from './durable-file.ts';
import { type CheckedEntry, checkEntry } from './entry-check.ts';
import type { Fault } from './fault.ts';
import { judgedBody, type VerdictCount } from './judged.ts';
import {
  ARTEFACTS_DIRECTORY,
  CHECKPOINT_FILE,
  entriesOf,
  type LogFile,
  readLogFile,
  readNarrowerLogFile,
} from './log-files.ts';
import { orderFaults, type Placed } from './order-faults.ts';
import { anchorFaults, type FoundHash, treeFaults } from './tree-check.ts';

export type VerificationRequest = {
  /** An exported ledger, or STATE/ledger. */
  readonly directory: string;
  /** The public key: the text of its vkey line. */
  readonly key: string;
  /** An earlier checkpoint that was kept elsewhere: its text. */
  readonly since?: string;
};

/**
 * With only a file and a key nobody can exclude that the newest entries were cut off, or that another history was signed
 * with the same key. An earlier checkpoint excludes both for the entries that it covers.
 */
export type Truncation =
  | { readonly kind: 'not-excluded'; readonly because: string }
  | { readonly kind: 'excluded'; readonly upTo: number };

export type ArtefactCount = {
  readonly present: number;
  readonly erased: number;
  readonly expired: number;
  /** Named by an entry, with neither content nor tombstone in the directory. */
  readonly notPresent: readonly Digest[];
};

/** What was seen on the way, whatever came of it. */
type Seen = {
  readonly checkpoint: Checkpoint | undefined;
  /** Entries that are sound in themselves. */
  readonly entries: number;
  /** Of the measurements against their objectives, judged anew. */
  readonly verdicts: VerdictCount;
  readonly artefacts: ArtefactCount;
};

export type Verification =
  | ({ readonly kind: 'sound'; readonly truncation: Truncation; readonly checkpoint: Checkpoint } & Seen)
  | ({ readonly kind: 'faulty'; readonly faults: readonly [Fault, ...Fault[]] } & Seen);

/** Verifies a ledger from its files and a public key alone. Never throws: what cannot be read is a fault. */
export async function verifyLedger(request: VerificationRequest): Promise<Verification> {
  const work = new Work(request);
  try {
    await work.run();
  } catch (error) {
    work.faults.push({ kind: 'not-finished', because: problemOf(error, request.directory).what });
  }
  return work.result();
}

class Work {
  readonly faults: Fault[] = [];
  readonly #request: VerificationRequest;
  #checkpoint: Checkpoint | undefined;
  #truncation: Truncation = {
    kind: 'not-excluded',
    because: 'no earlier checkpoint was given to compare with: entries at the end may have been cut off',
  };
  readonly #placed: Placed[] = [];
  readonly #unsound = new Set<number>();
  readonly #hashes: FoundHash[] = [];
  readonly #verdicts = { pass: 0, fail: 0, unknown: 0 };
  readonly #artefacts = { present: 0, erased: 0, expired: 0, notPresent: [] as Digest[] };
  /** Each artefact with the first entry that names it. */
  readonly #named = new Map<Digest, number>();

  constructor(request: VerificationRequest) {
    this.#request = request;
  }

  async run(): Promise<void> {
    const key = parseVerifierKey(this.#request.key.trim());
    if (key.kind === 'unreadable') {
      this.faults.push({ kind: 'key-unreadable', because: key.because });
      return;
    }
    this.#checkpoint = await this.#readCheckpoint(key.value);
    if (this.#checkpoint === undefined) return;
    await this.#readEntries(key.value, this.#checkpoint.size);
    const order = orderFaults(this.#placed, this.#unsound, this.#checkpoint.size);
    this.faults.push(...order);
    const tree = await treeFaults(this.#request.directory, this.#checkpoint, this.#hashes);
    this.faults.push(...this.#notYetNamed(tree.faults, order));
    this.#compareWithAnchor(key.value, this.#checkpoint, tree.hashes);
    await this.#lookAtArtefacts();
  }

  async #readCheckpoint(key: VerifierKey): Promise<Checkpoint | undefined> {
    const file = CHECKPOINT_FILE;
    const content = await readIfThere(join(this.#request.directory, file));
    if (content === undefined) {
      this.faults.push({ kind: 'file-missing', file });
      return undefined;
    }
    const signed = content.toString('utf8');
    const opened = openCheckpoint(signed, [key]);
    if (opened.kind === 'read') {
      if (opened.value.origin !== key.name)
        this.faults.push({ kind: 'checkpoint-refused', file, because: `it is of the ledger ${opened.value.origin}` });
      return opened.value;
    }
    this.faults.push({ kind: 'checkpoint-refused', file, because: opened.because });
    // What it says is not believed, but it says how far to look for the entry that is at fault.
    const note = parseNote(signed);
    const claimed = note.kind === 'read' ? parseCheckpoint(note.value.text) : note;
    return claimed.kind === 'read' && claimed.value.size <= LARGEST_CLAIM ? claimed.value : undefined;
  }

  async #readEntries(key: VerifierKey, size: number): Promise<void> {
    for (const tile of tilesOfLevel('entries', size)) {
      const found = await this.#readBundle(tile);
      if (found === undefined) {
        for (let i = 0; i < tile.width; i++) this.#unsound.add(tile.index * TILE_WIDTH + i);
        continue;
      }
      const { entries, damage } = entriesOf(found, tile);
      const { file } = found;
      if (damage !== undefined) this.faults.push({ kind: 'file-damaged', file, because: damage });
      else if (entries.length !== tile.width)
        this.faults.push({
          kind: 'file-damaged',
          file,
          because: `it holds ${entries.length} entries and must hold ${tile.width}`,
        });
      const first = tile.index * TILE_WIDTH;
      const checked = await Promise.all(entries.map((bytes, i) => checkEntry(bytes, first + i, key)));
      for (const [i, bytes] of entries.entries()) if (i < tile.width) this.#hashes[first + i] = leafHash(bytes);
      for (const [i, entry] of checked.entries()) this.#take(entry, first + i);
    }
  }

  async #readBundle(tile: Tile): Promise<LogFile | undefined> {
    const { directory } = this.#request;
    const found = await readLogFile(directory, tile);
    if (found !== undefined) return found;
    const first = tile.index * TILE_WIDTH;
    this.faults.push({ kind: 'file-missing', file: tilePath(tile), entries: [first, first + tile.width - 1] });
    return readNarrowerLogFile(directory, tile);
  }

  #take(checked: CheckedEntry, place: number): void {
    if (checked.kind === 'fault') {
      this.faults.push(checked.fault);
      this.#unsound.add(place);
      return;
    }
    const { index, key: leafKey, body } = checked.leaf;
    this.#placed.push({ place, says: index, key: leafKey });
    for (const { verdict } of judgedBody(body)) this.#verdicts[verdict.kind]++;
    if (body.kind !== 'measured') return;
    for (const digest of body.measurement.artefacts) if (!this.#named.has(digest)) this.#named.set(digest, place);
  }

  /** An entry that is named as edited, moved or removed need not be named again because its hash differs. */
  #notYetNamed(faults: readonly Fault[], order: readonly Fault[]): Fault[] {
    const shifted = new Set(this.#placed.filter((p) => p.place !== p.says).map((p) => p.place));
    const missing = new Set(order.flatMap((f) => (f.kind === 'removed' ? [f.entry] : [])));
    return faults.filter(
      (f) => f.kind !== 'not-in-tree' || !(this.#unsound.has(f.entry) || shifted.has(f.entry) || missing.has(f.entry)),
    );
  }

  #compareWithAnchor(key: VerifierKey, checkpoint: Checkpoint, hashes: readonly FoundHash[]): void {
    const { since } = this.#request;
    if (since === undefined) return;
    const anchor = openCheckpoint(since, [key]);
    if (anchor.kind === 'unreadable') {
      this.faults.push({ kind: 'anchor-refused', because: anchor.because });
      return;
    }
    this.faults.push(...anchorFaults(anchor.value, checkpoint, hashes));
    this.#truncation = { kind: 'excluded', upTo: anchor.value.size };
  }

  async #lookAtArtefacts(): Promise<void> {
    const directory = join(this.#request.directory, ARTEFACTS_DIRECTORY);
    for (const [artefact, entry] of this.#named) {
      const found = await getArtefact(directory, artefact);
      if (found.kind === 'present') this.#artefacts.present++;
      else if (found.kind === 'gone') this.#artefacts[found.tombstone.kind]++;
      else if (found.kind === 'not-present') this.#artefacts.notPresent.push(artefact);
      else this.faults.push({ kind: 'artefact-damaged', entry, artefact, because: found.because });
    }
  }

  result(): Verification {
    const checkpoint = this.#checkpoint;
    const seen = { entries: this.#placed.length, verdicts: this.#verdicts, artefacts: this.#artefacts };
    const [first, ...others] = this.faults;
    if (first !== undefined) return { kind: 'faulty', faults: [first, ...others], checkpoint, ...seen };
    if (checkpoint !== undefined) return { kind: 'sound', truncation: this.#truncation, checkpoint, ...seen };
    const fault: Fault = { kind: 'not-finished', because: 'no checkpoint was read' };
    return { kind: 'faulty', faults: [fault], checkpoint, ...seen };
  }
}

/** A checkpoint that nobody signed may claim any size; this much is looked through. */
const LARGEST_CLAIM = 1_000_000;
