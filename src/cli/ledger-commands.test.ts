import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import picocolors from 'picocolors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealed, writeLedger } from '../../test/ledger/ledger-files.ts';
import { launchOf } from '../../test/ledger/sample-leaves.ts';
import { encodeVerifierKey, signerKey } from '../evidence/note.ts';
import { Options } from './command.ts';
import { run as exportRun } from './commands/ledger-export.ts';
import { run as showRun } from './commands/ledger-show.ts';
import { run as verifyRun } from './commands/ledger-verify.ts';

const own = signerKey('holdpoint/test/1', Buffer.alloc(32, 1));
const entries = sealed(launchOf('first', 12), own);
let state = '';
let key = '';

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'holdpoint-cli-ledger-'));
  mkdirSync(join(state, 'ledger'));
  writeLedger(join(state, 'ledger'), entries, own);
  key = join(state, 'ledger', 'ledger.pub');
  writeFileSync(key, `${encodeVerifierKey(own.verifier)}\n`);
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

type Run = typeof verifyRun;

async function call(run: Run, args: string[], options: Record<string, unknown> = {}, json = false) {
  const lines: string[] = [];
  const status = await run({
    arguments: args,
    options: new Options({ state, ...options }),
    prefix: 'holdpoint',
    out: {
      terminal: false,
      columns: () => 100,
      rows: () => Number.POSITIVE_INFINITY,
      colours: picocolors.createColors(false),
      json,
      line: (text) => lines.push(text),
      raw: (text) => lines.push(text),
      remark: (text) => lines.push(text),
    },
  });
  return { status, lines, text: lines.join('\n') };
}

describe('ledger verify', () => {
  it('finds an export sound, and says that truncation is not excluded', async () => {
    const to = join(state, 'proof');
    expect((await call(exportRun, [to])).text).toContain('12 entries of holdpoint/test/1');
    const { status, text } = await call(verifyRun, [to], { key });
    expect(status).toBe(0);
    expect(text).toContain('Sound  12 entries');
    expect(text).toContain('Truncation is not excluded');
  });

  it('excludes truncation up to an earlier checkpoint', async () => {
    const elsewhere = join(state, 'earlier');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'kept'), writeLedger(elsewhere, entries.slice(0, 7), own));
    const { status, text } = await call(verifyRun, [join(state, 'ledger')], { key, since: join(elsewhere, 'kept') });
    expect(status).toBe(0);
    expect(text).toContain('excluded up to entry 6');
  });

  it('names the entry that was edited, and fails', async () => {
    const bad = entries.map((e, i) => (i === 5 ? Buffer.from(e.map((b, at) => (at === 40 ? b ^ 1 : b))) : e));
    writeLedger(join(state, 'ledger'), bad, own);
    const { status, text } = await call(verifyRun, [join(state, 'ledger')], { key });
    expect(status).toBe(1);
    expect(text).toMatch(/entry 5 was edited/);
  });

  it('wants a key, and one that can be read', async () => {
    await expect(call(verifyRun, ['x'])).rejects.toMatchObject({ problem: { kind: 'input' } });
    await expect(call(verifyRun, ['x'], { key: 'nowhere' })).rejects.toMatchObject({ problem: { kind: 'input' } });
    await expect(call(verifyRun, ['x'], { key, since: 'nowhere' })).rejects.toMatchObject({
      problem: { what: 'the earlier checkpoint cannot be read' },
    });
  });
});

describe('ledger show', () => {
  it('prints the entry and the proof that it is in the ledger', async () => {
    const { status, text } = await call(showRun, ['3']);
    expect(status).toBe(0);
    expect(text).toContain('Entry 3');
    expect(text).toContain('In the tree of 12 entries');
    expect(text.match(/^(Proof| {14})\s*[0-9a-f]{64}$/gm)).toHaveLength(4);
  });

  it('gives all of it to a program', async () => {
    const { lines } = await call(showRun, ['3'], {}, true);
    expect(JSON.parse(lines.join(''))).toMatchObject({ kind: 'entry', leaf: { index: 3 }, size: 12 });
  });

  it.each(['12', 'three'])('has no entry %s', async (entry) => {
    await expect(call(showRun, [entry])).rejects.toMatchObject({ problem: { kind: 'input' } });
  });
});

describe('a state without a ledger', () => {
  it('is said to be one', async () => {
    rmSync(join(state, 'ledger'), { recursive: true });
    await expect(call(showRun, ['0'])).rejects.toMatchObject({
      problem: { what: expect.stringContaining('no ledger') },
    });
  });
});
