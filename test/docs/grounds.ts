import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { environmentFolder } from '../../src/environments/chosen-runtime.ts';
import type { Engine } from '../../src/runtimes/docker/engine.ts';
import { LABELS } from '../../src/runtimes/docker/names.ts';
import { secondHost } from '../hosts/second-host.ts';
import type { Ground } from './walk.ts';

const run = promisify(execFile);

/** The app of the pages, and the environments of it that a launch makes in its first steps. */
const ENVIRONMENTS = ['club-production', 'club-preflight'];

/** A second host that ssh knows as `web1`, as the page on hosts has it. */
export async function secondHostGround(): Promise<Ground> {
  const second = await secondHost();
  const known = readFileSync(second.configuration, 'utf8');
  writeFileSync(second.configuration, known.replace('Host second', 'Host web1 second'));
  const environments = () => {
    const folder = join(second.root, 'environments');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  return {
    variables: { HOLDPOINT_SSH_CONFIG: second.configuration },
    fitted: (description) => description,
    async standing() {
      const { stdout } = await run('ip', ['netns', 'exec', second.namespace, 'ss', '-ltnH']);
      return stdout.split('\n').flatMap((line) => line.split(/\s+/)[3] ?? []);
    },
    async remains() {
      const { stdout } = await run('ip', ['netns', 'pids', second.namespace]);
      const programs = stdout
        .trim()
        .split('\n')
        .flatMap((pid) => programOf(pid) ?? []);
      // The agent stays for the next launch, and ends by itself.
      return [...environments(), ...programs.filter((name) => !['sshd', 'sshd:', 'flock', 'node'].includes(name))];
    },
    close: () => second.close(),
  };
}

function programOf(pid: string): string | undefined {
  try {
    const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split(/[\0 ]/);
    return program === '' ? undefined : basename(program);
  } catch {
    return undefined;
  }
}

type Labelled = { readonly Labels?: Readonly<Record<string, string>> | undefined };

/** This machine's engine. Ports of its own, because other launches may go on beside. */
export function engineGround({ docker }: Engine): Ground {
  const ids = (state: string) =>
    new Set(
      ENVIRONMENTS.map((tag) => {
        const folder = environmentFolder(state, tag);
        return `${tag}-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
      }),
    );
  const labelled = { filters: { label: [LABELS.environment] } };
  const ours = <T extends Labelled>(all: readonly T[], state: string): T[] =>
    all.filter(({ Labels }) => ids(state).has(Labels?.[LABELS.environment] ?? ''));
  return {
    variables: {},
    fitted: (description) => description.replace('production: {', 'production: { httpsPort: 29600, firstPort: 29610,'),
    async standing(state) {
      const containers = ours(await docker.listContainers(labelled), state);
      return containers.flatMap(({ Ports, Labels }) =>
        Ports.map(
          ({ IP, PublicPort }) => `${Labels[LABELS.unit]} ${IP === undefined ? 'inside' : `${IP}:${PublicPort}`}`,
        ),
      );
    },
    async remains(state) {
      const containers = ours(await docker.listContainers({ all: true, ...labelled }), state);
      const networks = ours(await docker.listNetworks(labelled), state);
      const volumes = ours((await docker.listVolumes(labelled)).Volumes ?? [], state);
      return [
        ...containers.flatMap(({ Names }) => Names),
        ...networks.map(({ Name }) => Name),
        ...volumes.map(({ Name }) => Name),
      ];
    },
    close: async () => undefined,
  };
}
