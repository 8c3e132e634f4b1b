import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe } from 'vitest';
import { noSecondHost, secondHost } from '../../../test/hosts/second-host.ts';
import { runtimeConformance, type Subject } from '../../../test/runtimes/conformance.ts';
import { notRun } from '../../../test/runtimes/docker-ground.ts';
import { seconds } from '../../evidence/units.ts';
import { findEngine } from './engine.ts';
import { LABELS } from './names.ts';
import { openDockerRuntime } from './runtime.ts';

const here = await findEngine();
const reason = noSecondHost ?? (here.kind === 'none' ? here.reason : undefined);

/**
 * This machine's engine, spoken to through a socket that ssh forwards: the second host has the same file system. Ports are
 * published on this machine's own network.
 */
async function open(): Promise<Subject> {
  const second = await secondHost();
  const host = await second.connect();
  const parent = await mkdtemp(join(tmpdir(), 'hp-'));
  const found = await findEngine({ socket: await host.forwardSocket('/var/run/docker.sock') });
  if (found.kind === 'none') throw new Error(found.reason);
  const { engine } = found;
  const id = `test-${basename(parent).slice(3).toLowerCase()}`;
  const reopen = () => openDockerRuntime({ environment: 'test', id, folder: join(parent, 'env'), host, engine });
  const runtime = await reopen();
  const ours = { label: [`${LABELS.environment}=${id}`] };
  const running = async () =>
    (await engine.docker.listContainers({ filters: ours })).map(({ Id }) => engine.docker.getContainer(Id));
  return {
    runtime,
    reopen,
    async killSupervisor() {
      await Promise.all((await running()).map(async (container) => container.kill().then(() => container.wait())));
    },
    async processes() {
      const none = { Processes: [] };
      const lists = await Promise.all((await running()).map((container) => container.top().catch(() => none)));
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
        engine.docker.listContainers({ all: true, filters: ours }),
        engine.docker.listVolumes({ filters: ours }),
        engine.docker.listNetworks({ filters: ours }),
      ]);
      return containers.length + (Volumes ?? []).length + networks.length > 0 || existsSync(join(parent, 'env'));
    },
    async close() {
      await (await reopen()).destroy();
      await second.close();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

describe.skipIf(reason !== undefined)(
  `the runtime docker over ssh${notRun({ kind: reason === undefined ? 'engine' : 'none', reason: reason ?? '' })}`,
  () => {
    runtimeConformance('docker over ssh', open);
  },
);
