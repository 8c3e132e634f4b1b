import { existsSync } from 'node:fs';
import { describe } from 'vitest';
import { runtimeConformance, type Subject } from '../../../test/runtimes/conformance.ts';
import { notRun, temporaryDocker } from '../../../test/runtimes/docker-ground.ts';
import { startAndDie } from '../../../test/runtimes/dying.ts';
import { seconds } from '../../evidence/units.ts';
import { findEngine } from './engine.ts';

const found = await findEngine();

async function open(): Promise<Subject> {
  if (found.kind === 'none') throw new Error(found.reason);
  const { docker } = found.engine;
  const { runtime, settings, reopen, ours, close } = await temporaryDocker(found.engine);
  const running = async () => (await docker.listContainers({ filters: ours })).map(({ Id }) => docker.getContainer(Id));
  return {
    runtime,
    reopen: () => reopen(),
    async killSupervisor() {
      // By hand, as somebody would: the engine does not start them again.
      await Promise.all((await running()).map(async (container) => container.kill().then(() => container.wait())));
    },
    startAndDie: (unit, job) => startAndDie('docker', settings, unit, job),
    async processes() {
      const lists = await Promise.all(
        (await running()).map((container) => container.top().catch(() => ({ Processes: [] }))),
      );
      return lists.flatMap(({ Processes }: { Processes: string[][] }) => Processes.map(([, pid]) => Number(pid)));
    },
    async fileFacts(store, file) {
      const end = await runtime.job({
        name: 'file-facts',
        software: { kind: 'parts' },
        mounts: [{ store, access: 'read' }],
        networks: [],
        command: ['stat', '-c', '%a %U', runtime.place.path(store, file)],
        environment: {},
        user: 'app',
        timeLimit: seconds(10),
      });
      const [mode = '', owner = ''] = end.kind === 'exited' ? end.output.trim().split(' ') : [];
      return { mode: Number.parseInt(mode, 8), owner };
    },
    async remains() {
      const [containers, { Volumes }, networks] = await Promise.all([
        docker.listContainers({ all: true, filters: ours }),
        docker.listVolumes({ filters: ours }),
        docker.listNetworks({ filters: ours }),
      ]);
      return containers.length + (Volumes ?? []).length + networks.length > 0 || existsSync(settings.folder);
    },
    close,
  };
}

describe.skipIf(found.kind === 'none')(`the runtime docker${notRun(found)}`, () => {
  runtimeConformance('docker', open);
});
