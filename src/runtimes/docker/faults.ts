import { readFile } from 'node:fs/promises';
import { fail } from '../../evidence/problem.ts';
import { endpoint } from './container.ts';
import { hasStatus } from './engine-problem.ts';
import { endOf, type Ground } from './ground.ts';
import { LABELS } from './names.ts';
import { ensureNetworks } from './networks.ts';
import { unitOfLabel } from './records.ts';
import type { Units } from './units.ts';

/**
 * Ends a unit as a crash would. Not by the engine's own kill, which counts as stopped by hand: nothing would start it
 * again.
 */
export async function crashUnit(
  ground: Ground,
  units: Units,
  name: string,
): Promise<{ readonly pid: number } | undefined> {
  const found = await units.running(name);
  if (found === undefined) return undefined;
  const pid = found.State.Pid;
  return (await killProcess(ground, pid, found.Id)) ? { pid } : undefined;
}

/** @returns whether the process was there, and in that container */
export async function killProcess(ground: Ground, pid: number, container: string): Promise<boolean> {
  if (await isHere(pid, container)) {
    try {
      process.kill(pid, 'SIGKILL');
      return true;
    } catch {
      // Somebody else's process: the engine may do what this user may not.
    }
  }
  return killByHelper(ground, pid, container);
}

/** A pid of this machine that is in the container: the engine is here. */
async function isHere(pid: number, container: string): Promise<boolean> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return groups.includes(container);
}

/** Where the engine is elsewhere, or its processes belong to somebody else: a container that sees all of them. */
export async function killByHelper(
  { engine, names, images }: Pick<Ground, 'engine' | 'names' | 'images'>,
  pid: number,
  container: string,
): Promise<boolean> {
  const image = await images.common();
  const script = 'grep -q "$2" "/proc/$1/cgroup" && kill -9 "$1"';
  const helper = await engine.call('makes what ends a process', (docker) =>
    docker.createContainer({
      Image: image,
      User: '0:0',
      Entrypoint: ['/bin/sh', '-c', script, 'end', String(pid), container],
      Cmd: [],
      Labels: { [LABELS.environment]: names.id, [LABELS.kind]: 'hand' },
      HostConfig: {
        NetworkMode: 'none',
        PidMode: 'host',
        CapDrop: ['ALL'],
        CapAdd: ['KILL'],
        ReadonlyRootfs: true,
        SecurityOpt: ['no-new-privileges'],
      },
    }),
  );
  try {
    await engine.call('ends a process', (docker) => docker.getContainer(helper.id).start());
    return (await endOf({ engine }, helper.id))?.State.ExitCode === 0;
  } finally {
    await engine.call('puts away what ends a process', (docker) =>
      docker.getContainer(helper.id).remove({ force: true, v: true }),
    );
  }
}

/** Cuts a unit off from every network, or puts it back where it belongs, with its name. */
export async function partitionUnit(ground: Ground, units: Units, name: string, how: 'cut' | 'mended'): Promise<void> {
  const { engine, names } = ground;
  const found = await units.container(name);
  const unit = unitOfLabel(found?.Config.Labels[LABELS.json]);
  if (found === undefined || unit === undefined) {
    return fail({
      kind: 'conflict',
      what: `unit ${name} is not there, so it cannot be cut off`,
      where: engine.where,
      next: 'start it first',
    });
  }
  if (how === 'mended') await ensureNetworks(engine, names);
  for (const network of unit.networks) {
    const there = found.NetworkSettings.Networks[names.network(network)];
    // The engine puts one that was cut off back on its first network when it restarts, but without its name.
    const whole = there?.Aliases?.includes(name) === true;
    if (how === 'mended' && whole) continue;
    try {
      if (there !== undefined) {
        await engine.call(`cuts unit ${name} off from ${network}`, (docker) =>
          docker.getNetwork(names.network(network)).disconnect({ Container: found.Id, Force: true }),
        );
      }
      if (how === 'mended') {
        await engine.call(`puts unit ${name} on ${network}`, (docker) =>
          docker.getNetwork(names.network(network)).connect({ Container: found.Id, EndpointConfig: endpoint(name) }),
        );
      }
    } catch (error) {
      // The other command that does the same was quicker.
      if (!hasStatus(error, 403, 404)) throw error;
    }
  }
}
