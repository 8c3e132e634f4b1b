import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealed, writeLedger } from '../../test/ledger/ledger-files.ts';
import { digestOf, launchOf, measured, opened } from '../../test/ledger/sample-leaves.ts';
import type { NewLeaf } from '../evidence/leaf.ts';
import { provesInclusion } from '../evidence/merkle.ts';
import { signerKey } from '../evidence/note.ts';
import { bytes, days, instant } from '../evidence/units.ts';
import { openArtefacts } from './artefacts.ts';
import { exportLedger } from './export.ts';
import { showEntry } from './show.ts';
import { verifyLedger } from './verify.ts';

const own = signerKey('holdpoint/test/1', Buffer.alloc(32, 1));
const key = own.verifier;
const named = digestOf('raw');
const withArtefact: NewLeaf = {
  key: { launch: 'first', step: 'A.1/x', attempt: 2, sequence: 1 },
  release: undefined,
  body: measured(1, [named]),
};
const leaves = [...launchOf('first', 299), withArtefact, ...[1, 2, 3].map((n) => opened(`more-${n}`))];
const entries = sealed(leaves, own);

let root: string;
let directory: string;
let to: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdpoint-export-'));
  directory = join(root, 'ledger');
  to = join(root, 'out', 'export');
  writeLedger(directory, entries, own);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const artefacts = () =>
  openArtefacts({ directory: join(directory, 'artefacts'), clock: () => instant(0), secrets: () => [] });
const keep = (content: string) =>
  artefacts().put(
    { name: 'raw', mediaType: 'text/plain', content, retention: days(1) },
    { probe: 'test', mediaTypes: ['text/plain'], largest: bytes(100), redactions: [] },
  );

describe('an exported ledger', () => {
  it('holds all that a verification needs, artefacts and tombstones with it', async () => {
    await keep('raw');
    const gone = await keep('gone');
    await artefacts().erase(gone, { name: 'ada', identity: 'not verified' }, 'asked for');
    expect(await exportLedger({ directory, key, to })).toMatchObject({
      checkpoint: { size: leaves.length },
      artefacts: 1,
      tombstones: 1,
    });
    rmSync(directory, { recursive: true });
    const vkey = readFileSync(join(to, 'ledger.pub'), 'utf8');
    expect(await verifyLedger({ directory: to, key: vkey })).toMatchObject({
      kind: 'sound',
      entries: leaves.length,
      artefacts: { present: 1, notPresent: [] },
    });
  });

  it('covers what its checkpoint covers, also when the ledger is already ahead of it', async () => {
    const checkpoint = writeLedger(join(root, 'earlier'), entries.slice(0, 250), own);
    writeFileSync(join(directory, 'checkpoint'), checkpoint);
    await exportLedger({ directory, key, to });
    const vkey = readFileSync(join(to, 'ledger.pub'), 'utf8');
    expect(await verifyLedger({ directory: to, key: vkey })).toMatchObject({ kind: 'sound', entries: 250 });
  });

  it('goes into an empty or a new directory only', async () => {
    writeFileSync(join(root, 'file'), '');
    for (const taken of [root, join(root, 'file')])
      await expect(exportLedger({ directory, key, to: taken })).rejects.toMatchObject({ problem: { kind: 'input' } });
  });

  it('says what is missing instead of leaving it out', async () => {
    rmSync(join(directory, 'tile/0/000'));
    await expect(exportLedger({ directory, key, to })).rejects.toMatchObject({ problem: { kind: 'host' } });
    await expect(exportLedger({ directory: root, key, to: join(root, 'b') })).rejects.toMatchObject({
      problem: { kind: 'input' },
    });
  });
});

describe('a shown entry', () => {
  it.each([0, 255, 256, 299])('%i comes with a proof that leads to the checkpoint', async (index) => {
    const shown = await showEntry(directory, key, index);
    const { hash, proof, checkpoint } = shown;
    expect(shown.leaf).toEqual({ ...leaves[index], index });
    expect(provesInclusion({ index, size: checkpoint.size, leaf: hash, root: checkpoint.root, proof })).toBe(true);
  });

  it('of a measurement has its verdicts, judged now', async () => {
    const { judged } = await showEntry(directory, key, 299);
    expect(judged.map(({ verdict }) => verdict.kind)).toEqual(['pass']);
  });

  it('that does not exist, or that was tampered with, is a problem', async () => {
    for (const index of [-1, 0.5, leaves.length])
      await expect(showEntry(directory, key, index)).rejects.toMatchObject({ problem: { kind: 'input' } });
    const file = join(directory, 'tile/entries/000');
    const content = readFileSync(file);
    content[100] = (content[100] ?? 0) ^ 1;
    writeFileSync(file, content);
    await expect(showEntry(directory, key, 0)).rejects.toMatchObject({ problem: { kind: 'host' } });
    await expect(showEntry(root, key, 0)).rejects.toMatchObject({ problem: { kind: 'host' } });
  });
});
