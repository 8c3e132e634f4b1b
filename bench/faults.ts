/**
 * Plants every fault on one warm environment and prints what was found, what was missed, and every false alarm.
 * `npm run bench:faults`, or `npx tsx bench/faults.ts NAME…` for the faults whose names hold one of the words. Exit status
 * 1 where a fault was missed or a check turned red that had no reason to.
 */
import { cpus, release } from 'node:os';
import { FAULTS } from '../test/faults/catalogue.ts';
import { openGround } from '../test/faults/ground.ts';
import { isGreen, lookText } from '../test/faults/looking.ts';
import { type Finding, plantAndLook } from '../test/faults/planting.ts';

const words = process.argv.slice(2);
const chosen = FAULTS.filter((f) => words.length === 0 || words.some((w) => f.name.includes(w)));
const ground = await openGround();
const findings: Finding[] = [];
try {
  for (const fault of chosen) {
    const finding = await plantAndLook(ground, fault);
    findings.push(finding);
    console.error(`${finding.found}: ${fault.name} (${(finding.took / 1000).toFixed(1)} s)`);
    for (const line of [...finding.missing, ...finding.falseAlarms]) console.error(`  ${line}`);
  }
} finally {
  await ground.end();
}

const alarms = ground.sound.filter((seen) => !isGreen(seen)).map(lookText);
const missed = findings.filter((f) => f.found === 'missed');
const falseAlarms = [...alarms, ...findings.flatMap((f) => f.falseAlarms)];
const machine = `${cpus().length} cores ${cpus()[0]?.model ?? ''}, Linux ${release()}, Node ${process.versions.node}`;
console.log(`${machine}, ${new Date().toISOString().slice(0, 10)}\n`);
console.log('| fault | must turn red | result | s |');
console.log('| --- | --- | --- | --- |');
for (const { fault, found, took } of findings) {
  const steps = fault.mustTurnRed.map((r) => r.step).join(', ');
  console.log(`| ${fault.name} | ${steps} | ${found} | ${(took / 1000).toFixed(1)} |`);
}
console.log(`\n${findings.length - missed.length} of ${findings.length} found, ${missed.length} missed.`);
console.log(
  `${ground.sound.length} checks of the sound app: ${alarms.length} red. False alarms: ${falseAlarms.length}`,
);
for (const line of falseAlarms) console.log(`- ${line}`);
process.exitCode = missed.length > 0 || falseAlarms.length > 0 ? 1 : 0;
