/** Stands for an app's tests: leaves a coverage summary, and fails where a fault says so. */
const { readFileSync, writeFileSync } = require('node:fs');

function planted() {
  try {
    return JSON.parse(readFileSync(process.env.FAULTS, 'utf8'));
  } catch {
    return {};
  }
}

const { tests, coveredLines = 92 } = planted();
if (tests !== 'leave no report')
  writeFileSync('coverage-summary.json', JSON.stringify({ total: { lines: { covered: coveredLines, total: 100 } } }));
if (tests === 'failing') {
  console.error('expected 4, received 5');
  process.exit(1);
}
