import { setTimeout as sleep } from 'node:timers/promises';
import { sshHost } from '../../src/hosts/ssh/host.ts';
import { openRemoteProcessRuntime } from '../../src/runtimes/remote/process-runtime.ts';
import { agentProgram } from '../../src/runtimes/remote/program.ts';

/**
 * Starts a unit over ssh, begins a job, and is then killed as by `kill -9`: line, tunnels and agent are left to whoever
 * comes next. A program of its own: `node --import tsx start-and-die.ts HOST FOLDER UNIT JOB`, all but FOLDER as JSON.
 */
const [, , settings = '{}', folder = '', unit = '{}', job = '{}'] = process.argv;
const host = await sshHost({ ...JSON.parse(settings), agent: await agentProgram() });
const runtime = await openRemoteProcessRuntime({ host, environment: 'test', folder });
await runtime.start(JSON.parse(unit));
runtime.job(JSON.parse(job)).catch(() => {});
const { mounts } = JSON.parse(job);
// Killed in the middle of the job: it has written by then, and sleeps.
while ((await runtime.read(mounts[0].store, 'dead')) === undefined) await sleep(50);
process.kill(process.pid, 'SIGKILL');
