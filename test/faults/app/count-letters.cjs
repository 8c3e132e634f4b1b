/** The team's own check: prints a number, or says something where a fault is planted. */
const { existsSync, readFileSync } = require('node:fs');

const file = readFileSync(`${__dirname}/faults-file`, 'utf8').trim();
const { ownCheck } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
console.log(ownCheck ?? '3');
