import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { encodeVerifierKey, signerKey } from '../src/evidence/note.ts';
import { milliseconds } from '../src/evidence/units.ts';
import { exportLedger } from '../src/ledger/export.ts';
import { type Leaves, openLeaves } from '../src/ledger/leaves.ts';
import { startSequencer } from '../src/ledger/sequencer.ts';
import { showEntry } from '../src/ledger/show.ts';
import { verifyLedger } from '../src/ledger/verify.ts';
import { attempt, launchOf } from '../test/ledger/sample-leaves.ts';
import { startPostgres } from '../test/servers/postgres.ts';

/**
 * The ledger at 100,000 leaves, against a real Postgres with fsync on: `npx tsx bench/ledger.ts [LEAVES]`. Prints a
 * table in Markdown.
 */
const LEAVES = Number(process.argv[2] ?? 100_000);
const SINGLES = 500;
const key = signerKey('holdpoint/bench/1', Buffer.alloc(32, 1));

type Line = { readonly what: string; readonly time: number; readonly count: number };
const lines: Line[] = [];

async function timed<T>(what: string, count: number, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  lines.push({ what, time: performance.now() - start, count });
  return result;
}

async function fill(leaves: Leaves): Promise<void> {
  const all = launchOf('bench', LEAVES - SINGLES);
  for (let at = 0; at < all.length; at += 500) await leaves.append(all.slice(at, at + 500));
}

async function run(): Promise<void> {
  const server = await startPostgres({ fsync: 'on', shared_buffers: '128MB' });
  const directory = mkdtempSync(join(tmpdir(), 'holdpoint-bench-'));
  const pool = new pg.Pool({ connectionString: server.url, max: 4 });
  try {
    const leaves = await openLeaves({ pool, key });
    await timed('append, 500 leaves in one transaction', LEAVES - SINGLES, () => fill(leaves));
    const singles = attempt('bench', 'C.3/single', 1, SINGLES - 2);
    await timed('append, one leaf in one transaction', SINGLES, async () => {
      for (const leaf of singles) await leaves.append([leaf]);
    });
    await timed('read all leaves back', LEAVES, () => leaves.read());
    const from = join(directory, 'ledger');
    const sequencer = await timed('write all tiles and the first checkpoint', LEAVES, () =>
      startSequencer({ pool, key, directory: from, quiet: milliseconds(0) }),
    );
    await timed('append one leaf and wait for its checkpoint', 50, async () => {
      for (let n = 0; n < 50; n++) {
        await leaves.append(attempt('bench', `C.3/settled-${n}`, 1, 0).slice(0, 1));
        await sequencer.settled(await leaves.size());
      }
    });
    await sequencer.stop();
    const to = join(directory, 'export');
    await timed('export', LEAVES, () => exportLedger({ directory: from, key: key.verifier, to }));
    await timed('show one entry with its proof', 1, () => showEntry(to, key.verifier, Math.floor(LEAVES / 2)));
    const result = await timed('verify', LEAVES, () =>
      verifyLedger({ directory: to, key: encodeVerifierKey(key.verifier) }),
    );
    if (result.kind !== 'sound')
      throw new Error(`the ledger is not sound: ${JSON.stringify(result.faults.slice(0, 3))}`);
    print(statSync(join(to, 'tile/entries/000')).size / 256);
  } finally {
    await pool.end();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function print(entrySize: number): void {
  const [cpu] = cpus();
  const machine = `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`;
  const rows = lines.map(({ what, time, count }) => {
    const each = time / count;
    return `| ${what} | ${count} | ${(time / 1000).toFixed(2)} s | ${each.toFixed(3)} ms | ${Math.round(1000 / each)} |`;
  });
  const head = ['| what | count | time | each | per second |', '| --- | ---: | ---: | ---: | ---: |'];
  const note = `${new Date().toISOString().slice(0, 10)}, ${machine}; an entry is ${Math.round(entrySize)} bytes on average`;
  process.stdout.write(`${[...head, ...rows, '', note].join('\n')}\n`);
}

await run();
