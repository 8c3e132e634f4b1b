/**
 * How long a person waits for the first word: `--help` (target: less than 150 ms) and `plan` of stockroom (less than
 * 400 ms), as they are installed. `npm run build && npx tsx bench/start.ts [RUNS]`.
 *
 * The peer is Node itself doing nothing: what is above it is ours. Medians, because whatever else the machine does only
 * ever adds time; the load average says how quiet it was.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const runs = Number(process.argv[2] ?? 15);
const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist', 'cli', 'main.js');
if (!existsSync(main)) throw new Error('dist/ is not there: `npm run build` first');
const state = mkdtempSync(join(tmpdir(), 'holdpoint-start-'));

const COMMANDS: readonly (readonly [name: string, target: number | undefined, args: readonly string[]])[] = [
  ['node, nothing', undefined, ['-e', '0']],
  ['--help', 150, [main, '--help']],
  ['launch --help', 150, [main, 'launch', '--help']],
  ['plan', 400, [main, 'plan', '--app', join(root, 'examples', 'stockroom'), '--state', join(state, 'none')]],
];

function milliseconds(args: readonly string[]): number {
  const begun = process.hrtime.bigint();
  execFileSync(process.execPath, [...args], { stdio: 'ignore' });
  return Number(process.hrtime.bigint() - begun) / 1e6;
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;

try {
  const load = loadavg()[0] ?? 0;
  const measured = COMMANDS.map(([name, target, args]) => {
    // The first run reads the files from the disk.
    milliseconds(args);
    const times = Array.from({ length: runs }, () => milliseconds(args)).sort((a, b) => a - b);
    return { name, target, fastest: at(times, 0), median: at(times, 0.5), p90: at(times, 0.9) };
  });
  const peer = measured[0]?.median ?? 1;
  const machine = `${cpus().length} cores ${cpus()[0]?.model ?? ''}, Linux ${release()}, Node ${process.versions.node}`;
  const date = new Date().toISOString().slice(0, 10);
  console.log(`${runs} runs each; load average ${load.toFixed(1)} at the beginning\n`);
  console.log('| command | fastest, ms | median, ms | P90, ms | target, ms | ratio to node | machine | date |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { name, target, fastest, median, p90 } of measured) {
    const numbers = [fastest, median, p90].map((n) => n.toFixed(0));
    console.log(`| ${[name, ...numbers, target ?? '-', (median / peer).toFixed(1), machine, date].join(' | ')} |`);
  }
} finally {
  rmSync(state, { recursive: true, force: true });
}
