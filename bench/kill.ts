/**
 * The kill matrix at length: `npx tsx bench/kill.ts [KILLS]`, 500 unless told otherwise. Prints a row for bench/README.md
 * and ends with status 1 where anything was found that should not be.
 */
import { cpus, release } from 'node:os';
import { killMatrix } from '../test/kill/kill-matrix.ts';
import { remove, temporaryDirectory } from '../test/temporary-state.ts';

const kills = Number(process.argv[2] ?? 500);
const root = temporaryDirectory();
const begun = Date.now();
try {
  const report = await killMatrix(root, kills, (line) => process.stderr.write(`\r${line}          `));
  process.stderr.write('\n');
  const { launches, attempts, leaves, faults } = report;
  const minutes = ((Date.now() - begun) / 60_000).toFixed(1);
  const machine = `${cpus().length} cores ${cpus()[0]?.model ?? ''}, Linux ${release()}, Node ${process.versions.node}`;
  console.log('| kills | launches | attempts | leaves | faults | minutes | machine | date |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  const date = new Date().toISOString().slice(0, 10);
  console.log(`| ${[kills, launches, attempts, leaves, faults.length, minutes, machine, date].join(' | ')} |`);
  for (const fault of faults) console.log(`fault: ${fault}`);
  for (const [boundary, times] of Object.entries(report.byBoundary)) console.log(`${boundary}: ${times}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  remove(root);
}
