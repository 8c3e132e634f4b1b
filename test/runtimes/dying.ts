import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Job, Unit } from '../../src/runtimes/unit.ts';

/**
 * Starts a unit and begins a job from a process of its own that is then killed by SIGKILL.
 *
 * @param settings of the environment, without its host
 */
export async function startAndDie(
  kind: 'process' | 'docker',
  settings: Readonly<Record<string, unknown>>,
  unit: Unit,
  job: Job,
): Promise<void> {
  const script = new URL('start-and-die.ts', import.meta.url).pathname;
  const argv = ['--import', 'tsx', script, kind, ...[settings, unit, job].map((value) => JSON.stringify(value))];
  const end: unknown = await promisify(execFile)(process.execPath, argv).catch((error: unknown) => error);
  const killed = end instanceof Error && 'signal' in end && end.signal === 'SIGKILL';
  if (!killed) throw new Error(`it was not killed: ${end instanceof Error ? end.message : 'it ended by itself'}`);
}
