import { setTimeout as sleep } from 'node:timers/promises';
import { localHost } from '../../src/hosts/local.ts';
import { findEngine } from '../../src/runtimes/docker/engine.ts';
import { openDockerRuntime } from '../../src/runtimes/docker/runtime.ts';
import { openProcessRuntime } from '../../src/runtimes/process/runtime.ts';
import type { Runtime } from '../../src/runtimes/runtime.ts';

/**
 * Starts a unit, begins a job, and is then killed as by `kill -9`. A program of its own:
 * `node --import tsx start-and-die.ts process|docker SETTINGS UNIT JOB`, the latter three as JSON.
 */
async function open(kind: string, settings: string): Promise<Runtime> {
  const given = JSON.parse(settings);
  if (kind === 'process') return openProcessRuntime({ ...given, host: localHost() });
  const found = await findEngine(given.engine);
  if (found.kind === 'none') throw new Error(found.reason);
  return openDockerRuntime({ ...given, host: localHost(), engine: found.engine });
}

const [, , kind = '', settings = '{}', unit = '{}', job = '{}'] = process.argv;
const runtime = await open(kind, settings);
await runtime.start(JSON.parse(unit));
runtime.job(JSON.parse(job)).catch(() => {});
const { mounts } = JSON.parse(job);
// Killed in the middle of the job: it has written by then, and sleeps.
while ((await runtime.read(mounts[0].store, 'dead')) === undefined) await sleep(50);
process.kill(process.pid, 'SIGKILL');
