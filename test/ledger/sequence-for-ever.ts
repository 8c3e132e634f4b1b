import pg from 'pg';
import { parseSignerKey } from '../../src/evidence/note.ts';
import { milliseconds, seconds } from '../../src/evidence/units.ts';
import { startSequencer } from '../../src/ledger/sequencer.ts';

/** A process that is nothing but a sequencer, for a test to kill. */
const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
};

const key = parseSignerKey(setting('LEDGER_KEY'));
if (key.kind === 'unreadable') throw new Error(key.because);
const pool = new pg.Pool({ connectionString: setting('LEDGER_URL') });
const sequencer = await startSequencer({
  pool,
  key: key.value,
  schema: setting('LEDGER_SCHEMA'),
  directory: setting('LEDGER_DIRECTORY'),
  quiet: milliseconds(0),
  patience: seconds(10),
});
const problem = await sequencer.ended;
if (problem) throw new Error(problem.what);
