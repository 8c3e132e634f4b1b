import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe } from 'vitest';
import { runtimeConformance, type Subject } from '../../../test/runtimes/conformance.ts';
import { startAndDie } from '../../../test/runtimes/dying.ts';
import { seconds } from '../../evidence/units.ts';
import { localHost } from '../../hosts/local.ts';
import { findEngine } from './engine.ts';
import { LABELS } from './names.ts';
import { openDockerRuntime } from './runtime.ts';

const found = await findEngine();
const why = found.kind === 'none' ? ` (not run: ${found.reason})` : '';

async function open(): Promise<Subject> {
  if (found.kind === 'none') throw new Error(found.reason);
  const { engine } = found;
  const { docker } = engine;
  const parent = await mkdtemp(join(tmpdir(), 'hp-'));
  const id = `test-${basename(parent).slice(3).toLowerCase()}`;
  const folder = join(parent, 'env');
  const settings = { environment: 'test', id, folder };
  const reopen = () => openDockerRuntime({ ...settings, host: localHost(), engine });
  const runtime = await reopen();
  const ours = { label: [`${LABELS.environment}=${id}`] };
  const running = async () => (await docker.listContainers({ filters: ours })).map(({ Id }) => docker.getContainer(Id));
  return {
    runtime,
    reopen,
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
      return containers.length + (Volumes ?? []).length + networks.length > 0 || existsSync(folder);
    },
    async close() {
      await (await reopen()).destroy();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

describe.skipIf(found.kind === 'none')(`the runtime docker${why}`, () => {
  runtimeConformance('docker', open);
});
