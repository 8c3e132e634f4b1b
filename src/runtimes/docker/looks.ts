import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from '../../config/app.ts';
import { bytes, type Milliseconds, milliseconds } from '../../evidence/units.ts';
import type { Address } from '../../hosts/host.ts';
import type { Usage } from '../runtime.ts';
import type { JobEnd } from '../unit.ts';
import { groupUsage } from './cgroup.ts';
import { unlimited } from './engine.ts';
import { hasStatus, unlessAbsent } from './engine-problem.ts';
import { killProcess } from './faults.ts';
import type { Ground } from './ground.ts';
import { LABELS } from './names.ts';
import { lastOutput, plainOutput } from './output.ts';
import { unitOfLabel } from './records.ts';
import type { Units } from './units.ts';

/** The last lines that the unit's container printed. */
export async function logsOf(
  { engine }: Ground,
  units: Units,
  name: string,
  lines: number,
): Promise<readonly string[]> {
  const found = await units.container(name);
  if (found === undefined) return [];
  const raw = await unlessAbsent(
    engine.call(`reads the log of ${name}`, (docker) =>
      docker.getContainer(found.Id).logs({ stdout: true, stderr: true, tail: lines }),
    ),
  );
  return plainOutput(raw ?? new Uint8Array())
    .split('\n')
    .filter((line, index, all) => line !== '' || index < all.length - 1)
    .slice(-lines);
}

const CONTROL_GROUPS = '/sys/fs/cgroup';

/** From this machine's control groups where the engine is here, which costs nothing; else as the engine tells it. */
export async function usageOf({ engine }: Ground, units: Units, name: string): Promise<Usage | undefined> {
  const found = await units.running(name);
  if (found === undefined) return undefined;
  const here = groupUsage(CONTROL_GROUPS, found.Id);
  if (here !== undefined) return { cpuSeconds: here.cpuSeconds, memory: bytes(here.memoryBytes) };
  const stats = await unlessAbsent(
    engine.call(`reads what ${name} uses`, (docker) =>
      docker.getContainer(found.Id).stats({ stream: false, 'one-shot': true }),
    ),
  );
  const used = stats?.memory_stats?.usage;
  if (stats === undefined || used === undefined) return undefined;
  const idle = stats.memory_stats.stats?.total_inactive_file ?? stats.memory_stats.stats?.inactive_file ?? 0;
  return { cpuSeconds: stats.cpu_stats.cpu_usage.total_usage / 1e9, memory: bytes(Math.max(0, used - idle)) };
}

/** A published port is reached on the loopback; another one at the container's address, which only its host can reach. */
export async function addressOf(units: Units, name: string, port: number): Promise<Address | undefined> {
  const found = await units.running(name);
  if (found === undefined) return undefined;
  const unit = unitOfLabel(found.Config.Labels[LABELS.json]);
  const published = unit?.ports.some((one) => one.number === port && one.published === true) === true;
  if (published) return { host: '127.0.0.1', port };
  const addresses = Object.values(found.NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
  const host = addresses.find((address) => address !== '');
  return host === undefined ? undefined : { host, port };
}

/** Runs a command inside a unit's container, as its user. */
export async function executeIn(
  ground: Ground,
  units: Units,
  name: string,
  command: Command,
  timeLimit: Milliseconds,
): Promise<JobEnd> {
  const found = await units.running(name);
  if (found === undefined) return { kind: 'lost', reason: `the unit ${name} does not run` };
  const { engine } = ground;
  const begun = performance.now();
  let id: string | undefined;
  const chunks: Buffer[] = [];
  const output = () => lastOutput(plainOutput(Buffer.concat(chunks)));
  const run = engine.call(
    `runs a command in ${name}`,
    async (docker) => {
      const exec = await docker
        .getContainer(found.Id)
        .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
      id = exec.id;
      const stream = await exec.start({ Detach: false, Tty: false });
      chunks.length = 0;
      for await (const chunk of stream) chunks.push(Buffer.from(chunk));
      return exec.inspect();
    },
    { limit: unlimited },
  );
  try {
    const ended = await Promise.race([run, sleep(timeLimit, 'late' as const)]);
    if (ended === 'late') {
      run.catch(() => {});
      const running =
        id === undefined
          ? undefined
          : await engine.docker
              .getExec(id)
              .inspect()
              .catch(() => undefined);
      // The engine has no call that ends one.
      if (running?.Running === true && running.Pid > 0) await killProcess(ground, running.Pid, found.Id);
      return { kind: 'timed-out', output: output() };
    }
    if (ended.ExitCode === null) return { kind: 'lost', reason: `the unit ${name} ended meanwhile` };
    const took = milliseconds(Math.round(performance.now() - begun));
    return { kind: 'exited', code: ended.ExitCode, output: output(), took };
  } catch (error) {
    if (hasStatus(error, 404, 409)) return { kind: 'lost', reason: `the unit ${name} ended meanwhile` };
    throw error;
  }
}
