import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SampleLedger, samplePlan, sampleStep } from '../../test/sample-ledger.ts';
import { sampleSource } from '../../test/sample-source.ts';
import { minutes } from '../evidence/units.ts';
import { deliverables } from './deliverables.ts';
import { presentDeliverables, writeDeliverables } from './write.ts';

const latency = sampleStep('A.1/latency', 'P95 under load');
const plan = samplePlan([latency]);
const rendered = (ledger: SampleLedger) => deliverables(sampleSource(plan, ledger, 'l'));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdpoint-documents-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('documents beside holdpoint.yaml', () => {
  test('are written whole into launch/, and leave nothing else there', async () => {
    const documents = rendered(new SampleLedger().open('l'));
    const written = await writeDeliverables(root, documents);
    expect(written.map((w) => w.kind)).toEqual(documents.map(() => 'written'));
    expect((await readdir(join(root, 'launch'))).sort()).toEqual(documents.map((d) => d.path).sort());
    for (const { path, content } of documents) expect(await readFile(join(root, 'launch', path), 'utf8')).toBe(content);
  });

  test('that say the same as before are left alone, the moment of rendering aside', async () => {
    const ledger = new SampleLedger().open('l');
    await writeDeliverables(root, rendered(ledger));
    const file = join(root, 'launch', 'PREFLIGHT_PRODUCTION.md');
    const before = await stat(file);
    const later = await writeDeliverables(root, rendered(ledger.pass(minutes(5))));
    expect(new Set(later.map((w) => w.kind))).toEqual(new Set(['unchanged']));
    expect((await stat(file)).mtimeMs).toBe(before.mtimeMs);
    const after = await writeDeliverables(root, rendered(ledger.attempt('l', latency, 1, [{}])));
    expect(after[0]?.kind).toBe('written');
  });

  test('are found again where nothing can be rendered any more, without what other people keep there', async () => {
    expect(await presentDeliverables(root)).toEqual([]);
    const written = await writeDeliverables(root, rendered(new SampleLedger().open('l')));
    await writeFile(join(root, 'launch', 'MINUTES.md'), '# by hand\n');
    expect(await presentDeliverables(root)).toEqual(written.map(({ path }) => path).sort());
  });

  test("never replace or delete somebody else's file", async () => {
    await mkdir(join(root, 'launch'));
    await writeFile(join(root, 'launch', 'PREFLIGHT_PRODUCTION.md'), '# by hand\n');
    await writeFile(join(root, 'launch', 'notes.txt'), 'mine\n');
    const [first] = await writeDeliverables(root, rendered(new SampleLedger().open('l')));
    expect(first).toMatchObject({ kind: 'kept', problem: { kind: 'conflict' } });
    expect(await readFile(join(root, 'launch', 'PREFLIGHT_PRODUCTION.md'), 'utf8')).toBe('# by hand\n');
    expect(await readFile(join(root, 'launch', 'notes.txt'), 'utf8')).toBe('mine\n');
  });

  test('that cannot be written are a problem that names the file', async () => {
    await writeFile(join(root, 'launch'), 'a file where the folder should be');
    await expect(writeDeliverables(root, rendered(new SampleLedger().open('l')))).rejects.toMatchObject({
      problem: { kind: 'host', where: join(root, 'launch', 'PREFLIGHT_PRODUCTION.md') },
    });
  });
});
