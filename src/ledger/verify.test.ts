import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEntries, sealed, write, writeBundles, writeLedger, writeTree } from '../../test/ledger/ledger-files.ts';
import { attempt, digestOf, launchOf, measured, opened } from '../../test/ledger/sample-leaves.ts';
import { parseCheckpoint, signCheckpoint } from '../evidence/checkpoint.ts';
import { sealStatement } from '../evidence/envelope.ts';
import { EMPTY_ROOT } from '../evidence/merkle.ts';
import { encodeVerifierKey, signerKey } from '../evidence/note.ts';
import { bytes, days, instant } from '../evidence/units.ts';
import { type AllowList, openArtefacts } from './artefacts.ts';
import { type Fault, faultText } from './fault.ts';
import { type VerificationRequest, verifyLedger } from './verify.ts';

const own = signerKey('holdpoint/test/1', Buffer.alloc(32, 1));
const other = signerKey('holdpoint/other/2', Buffer.alloc(32, 2));
/** One full bundle, a partial one, and tiles on two levels. */
const SIZE = 300;
const entries = sealed(launchOf('first', SIZE), own);

let directory: string;
let checkpoint: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdpoint-verify-'));
  checkpoint = writeLedger(directory, entries, own);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const verify = (more: Partial<VerificationRequest> = {}) =>
  verifyLedger({ directory, key: encodeVerifierKey(own.verifier), ...more });

async function faults(more: Partial<VerificationRequest> = {}): Promise<readonly Fault[]> {
  const result = await verify(more);
  return result.kind === 'faulty' ? result.faults : [];
}

const at = (index: number): Buffer => entries[index] ?? Buffer.alloc(0);
const without = (index: number) => entries.filter((_, i) => i !== index);
const replaced = (index: number, by: Buffer) => entries.map((entry, i) => (i === index ? by : entry));
const swapped = (a: number, b: number) => entries.map((entry, i) => (i === a ? at(b) : i === b ? at(a) : entry));
const flipped = (entry: Buffer, where: number) => Buffer.from(entry.map((byte, i) => (i === where ? byte ^ 1 : byte)));
const foreign = (index: number) => sealed(launchOf('first', SIZE), other)[index] ?? Buffer.alloc(0);

describe('a ledger that nobody touched', () => {
  it('is sound, and truncation is not excluded without an earlier checkpoint', async () => {
    expect(await verify()).toMatchObject({
      kind: 'sound',
      entries: SIZE,
      checkpoint: { origin: own.verifier.name, size: SIZE },
      truncation: { kind: 'not-excluded' },
    });
  });

  it('is sound since each of its earlier checkpoints', async () => {
    for (const size of [0, 1, 255, 256, 257, SIZE]) {
      const earlier = mkdtempSync(join(tmpdir(), 'holdpoint-verify-'));
      const since = writeLedger(earlier, entries.slice(0, size), own);
      rmSync(earlier, { recursive: true });
      expect(await verify({ since })).toMatchObject({ kind: 'sound', truncation: { kind: 'excluded', upTo: size } });
    }
  });

  it('may be empty', async () => {
    writeLedger(directory, [], own);
    expect(await verify()).toMatchObject({ kind: 'sound', entries: 0 });
  });

  it('has its measurements judged anew', async () => {
    const leaves = [opened('j'), ...attempt('j', 'A.1/x', 1, 8)];
    writeLedger(directory, sealed(leaves, own), own);
    expect(await verify()).toMatchObject({ kind: 'sound', verdicts: { pass: 8, fail: 0, unknown: 0 } });
    const slow = leaves.map((leaf) => (leaf.body.kind === 'measured' ? { ...leaf, body: measured(150) } : leaf));
    writeLedger(directory, sealed(slow, own), own);
    expect(await verify()).toMatchObject({ kind: 'sound', verdicts: { pass: 0, fail: 8, unknown: 0 } });
  });
});

/** What is done to the files, and the fault that must be among those that are found. */
const TAMPERING: readonly [name: string, tamper: () => void, fault: Partial<Fault>][] = [
  [
    'a byte edited in an entry',
    () => writeBundles(directory, replaced(7, flipped(at(7), 40))),
    { kind: 'edited', entry: 7 },
  ],
  [
    'a byte edited, and all tiles made anew',
    () => writeTree(directory, replaced(280, flipped(at(280), 99))),
    { kind: 'edited', entry: 280 },
  ],
  ['an entry removed', () => writeBundles(directory, without(5)), { kind: 'removed', entry: 5 }],
  ['the last entry removed', () => writeBundles(directory, without(SIZE - 1)), { kind: 'removed', entry: SIZE - 1 }],
  ['an entry removed, and all tiles made anew', () => writeTree(directory, without(5)), { kind: 'removed', entry: 5 }],
  ['two entries swapped', () => writeBundles(directory, swapped(3, 290)), { kind: 'reordered', entry: 3, says: 290 }],
  [
    'two entries swapped, and all tiles made anew',
    () => writeTree(directory, swapped(3, 4)),
    { kind: 'reordered', entry: 4, says: 3 },
  ],
  ['an entry doubled', () => writeBundles(directory, replaced(9, at(8))), { kind: 'repeated', entry: 9, says: 8 }],
  ['an entry written over by a copy', () => writeTree(directory, replaced(9, at(8))), { kind: 'removed', entry: 9 }],
  ['a foreign entry', () => writeBundles(directory, replaced(12, foreign(12))), { kind: 'foreign', entry: 12 }],
  [
    'a foreign entry, and all tiles made anew',
    () => writeTree(directory, replaced(12, foreign(12))),
    { kind: 'foreign', entry: 12 },
  ],
  [
    'a foreign entry put in between',
    () => writeTree(directory, [...entries.slice(0, 20), foreign(20), ...entries.slice(20)]),
    { kind: 'foreign', entry: 20 },
  ],
  [
    'a foreign entry in our name',
    () => {
      const keyid = /"keyid":"[^"]+"/;
      const name = `"keyid":"${own.verifier.name}+${own.verifier.id}"`;
      writeTree(directory, replaced(12, Buffer.from(foreign(12).toString().replace(keyid, name))));
    },
    { kind: 'edited', entry: 12 },
  ],
  [
    'a signed entry put in place of the published one',
    () => {
      const [leaf] = launchOf('second', 1);
      const text = leaf === undefined ? [] : sealed([leaf], own);
      writeBundles(directory, replaced(0, text[0] ?? Buffer.alloc(0)));
    },
    { kind: 'not-in-tree', entry: 0 },
  ],
  [
    'an entry that is no JSON',
    () => writeTree(directory, replaced(30, Buffer.from('{"payload":'))),
    { kind: 'edited', entry: 30 },
  ],
  ['an empty entry', () => writeTree(directory, replaced(30, Buffer.alloc(0))), { kind: 'edited', entry: 30 }],
  [
    'a bundle cut off',
    () => {
      const file = join(directory, 'tile/entries/000');
      writeFileSync(file, readFileSync(file).subarray(0, -10));
    },
    { kind: 'file-damaged', file: 'tile/entries/000' },
  ],
  [
    'a bundle missing',
    () => rmSync(join(directory, 'tile/entries/001.p/44')),
    { kind: 'file-missing', file: 'tile/entries/001.p/44' },
  ],
  [
    'bytes put after a bundle',
    () =>
      write(
        directory,
        'tile/entries/000',
        Buffer.concat([readFileSync(join(directory, 'tile/entries/000')), Buffer.alloc(1)]),
      ),
    { kind: 'file-damaged', file: 'tile/entries/000' },
  ],
  ['a tile missing', () => rmSync(join(directory, 'tile/0/000')), { kind: 'file-missing', file: 'tile/0/000' }],
  [
    'a tile edited',
    () => write(directory, 'tile/1/000.p/1', Buffer.alloc(32)),
    { kind: 'tile-differs', file: 'tile/1/000.p/1' },
  ],
  [
    'a tile too long',
    () => write(directory, 'tile/0/001.p/44', Buffer.alloc(32 * 45)),
    { kind: 'tile-differs', file: 'tile/0/001.p/44' },
  ],
  ['no checkpoint', () => rmSync(join(directory, 'checkpoint')), { kind: 'file-missing', file: 'checkpoint' }],
  [
    'a checkpoint edited',
    () => write(directory, 'checkpoint', checkpoint.replace(`\n${SIZE}\n`, `\n${SIZE - 1}\n`)),
    { kind: 'checkpoint-refused' },
  ],
  [
    'a checkpoint by another key',
    () => writeLedger(directory, entries, other),
    { kind: 'checkpoint-refused', file: 'checkpoint' },
  ],
  [
    'a signed root that is not this tree’s',
    () =>
      write(directory, 'checkpoint', signCheckpoint({ origin: own.verifier.name, size: SIZE, root: EMPTY_ROOT }, own)),
    { kind: 'root-differs' },
  ],
  [
    'a key doubled by whoever holds the private key',
    () => {
      const leaves = launchOf('first', 20);
      const [, , third] = leaves;
      writeLedger(directory, sealed([...leaves, ...(third ? [third] : [])], own), own);
    },
    { kind: 'key-doubled', entry: 20, first: 2 },
  ],
  [
    'a signed entry that is no leaf',
    () => writeLedger(directory, [sealStatement('{"_type":"x"}', own, 'here')], own),
    { kind: 'misshapen', entry: 0 },
  ],
];

describe('tampering', () => {
  it.each(TAMPERING)('%s: is found, and named in a line', async (_, tamper, fault) => {
    tamper();
    const found = await faults();
    expect(found).toContainEqual(expect.objectContaining(fault));
    const named = 'entry' in fault ? `entry ${fault.entry}` : 'file' in fault ? `${fault.file}` : '';
    expect(found.map(faultText).join('\n')).toContain(named);
  });

  it('of one entry names that entry and no other', async () => {
    for (const [, tamper, fault] of TAMPERING.filter(([, , f]) => f.kind === 'edited' || f.kind === 'removed')) {
      checkpoint = writeLedger(directory, entries, own);
      tamper();
      const named = (await faults()).flatMap((f) => ('entry' in f ? [f.entry] : []));
      const allowed = 'entry' in fault ? [fault.entry] : [];
      // A copy over entry 9 removes it and repeats another: both are named at place 9.
      expect(new Set(named)).toEqual(new Set(allowed));
    }
  });

  it('with any byte of any file is found', async () => {
    const files = [
      'checkpoint',
      'tile/entries/000',
      'tile/entries/001.p/44',
      'tile/0/000',
      'tile/0/001.p/44',
      'tile/1/000.p/1',
    ];
    const originals = new Map(files.map((file) => [file, readFileSync(join(directory, file))]));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(), fc.integer({ min: 1, max: 255 }), async (file, n, by) => {
        const original = originals.get(file) ?? Buffer.alloc(0);
        const where = n % original.length;
        write(directory, file, Buffer.from(original.map((byte, i) => (i === where ? byte ^ by : byte))));
        const result = await verify();
        write(directory, file, original);
        expect(result.kind).toBe('faulty');
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});

describe('what only an earlier checkpoint can show', () => {
  it('a ledger cut off, with a checkpoint of that time, looks sound and is found since a later one', async () => {
    writeLedger(directory, entries.slice(0, 200), own);
    expect(await verify()).toMatchObject({ kind: 'sound', truncation: { kind: 'not-excluded' } });
    expect(await faults({ since: checkpoint })).toEqual([{ kind: 'truncated', entry: 200, anchored: SIZE }]);
  });

  it('another history signed with the same key looks sound and is found', async () => {
    writeLedger(directory, sealed(launchOf('rewritten', SIZE + 20), own), own);
    expect(await verify()).toMatchObject({ kind: 'sound' });
    expect(await faults({ since: checkpoint })).toEqual([{ kind: 'fork', anchored: SIZE }]);
  });

  it('an anchor by another key, of another ledger, or that is none is refused', async () => {
    const parsed = parseCheckpoint(`${own.verifier.name}\n1\n${EMPTY_ROOT.toString('base64')}\n`);
    if (parsed.kind === 'unreadable') throw new Error(parsed.because);
    const byOther = signCheckpoint(parsed.value, other);
    const ofOther = signCheckpoint({ ...parsed.value, origin: 'holdpoint/elsewhere/3' }, own);
    for (const since of [byOther, ofOther, '', 'nonsense'])
      expect(await faults({ since })).toContainEqual(expect.objectContaining({ kind: 'anchor-refused' }));
  });
});

describe('bad input', () => {
  it.each(['', 'nonsense', encodeVerifierKey(own.verifier).slice(0, -2)])('the key %j is a fault', async (key) => {
    expect(await faults({ key })).toContainEqual(expect.objectContaining({ kind: 'key-unreadable' }));
  });

  it('a directory that is not there is a fault', async () => {
    expect(await faults({ directory: join(directory, 'nowhere') })).toEqual([
      { kind: 'file-missing', file: 'checkpoint' },
    ]);
  });

  it('a directory where a file should be is a fault, not a crash', async () => {
    rmSync(join(directory, 'checkpoint'));
    write(join(directory, 'checkpoint'), 'inside', '');
    expect(await faults()).toContainEqual(expect.objectContaining({ kind: 'not-finished' }));
  });
});

describe('artefacts beside the ledger', () => {
  const allow: AllowList = { probe: 'test', mediaTypes: ['text/plain'], largest: bytes(1000), redactions: [] };
  const named = ['one', 'two', 'three'].map((text) => digestOf(text));
  const store = () =>
    openArtefacts({ directory: join(directory, 'artefacts'), clock: () => instant(0), secrets: () => [] });

  beforeEach(async () => {
    const leaves = [
      opened('a'),
      { key: { launch: 'a', step: 'A.1/x', attempt: 1, sequence: 1 }, release: undefined, body: measured(1, named) },
    ];
    writeLedger(directory, sealed(leaves, own), own);
    for (const content of ['one', 'two', 'three'])
      await store().put({ name: 'x', mediaType: 'text/plain', content, retention: days(1) }, allow);
  });

  it('are counted, and one that was erased leaves the ledger sound', async () => {
    const [first = digestOf('')] = named;
    await store().erase(first, { name: 'ada', identity: 'not verified' }, 'holds a name');
    expect(await verify()).toMatchObject({ kind: 'sound', artefacts: { present: 2, erased: 1, notPresent: [] } });
  });

  it('that are not there are reported as not present, which is no fault', async () => {
    rmSync(join(directory, 'artefacts'), { recursive: true });
    expect(await verify()).toMatchObject({ kind: 'sound', artefacts: { present: 0, notPresent: named } });
  });

  it('that were changed are a fault, with the entry that names them', async () => {
    const [, second = digestOf('')] = named;
    const hex = second.slice('sha256:'.length);
    write(join(directory, 'artefacts'), `sha256/${hex.slice(0, 2)}/${hex}`, 'twp');
    expect(await faults()).toEqual([expect.objectContaining({ kind: 'artefact-damaged', entry: 1, artefact: second })]);
  });
});

it('reads what the tampering helpers write', () => {
  expect(readEntries(directory, SIZE)).toEqual(entries);
});
