import { fail } from '../../evidence/problem.ts';
import type { Network } from '../unit.ts';
import type { Engine } from './engine.ts';
import { hasStatus } from './engine-problem.ts';
import { LABELS, type Names } from './names.ts';

/** `database` has no way out: whoever is on it alone reaches nobody but the others there. */
const NETWORKS: readonly { readonly network: Network; readonly internal: boolean }[] = [
  { network: 'app', internal: false },
  { network: 'database', internal: true },
];

/** Makes the environment's networks where they are not there. Two commands that do it at once end up with one of each. */
export async function ensureNetworks(engine: Engine, names: Names): Promise<void> {
  const there = await listed(engine, names);
  for (const { network, internal } of NETWORKS) {
    const name = names.network(network);
    if (there.some((found) => found.name === name)) continue;
    try {
      await engine.call(`makes the network ${name}`, (docker) =>
        docker.createNetwork({
          Name: name,
          CheckDuplicate: true,
          Driver: 'bridge',
          Internal: internal,
          Labels: { [LABELS.environment]: names.id, [LABELS.kind]: 'network', [LABELS.unit]: network },
        }),
      );
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      if ((await listed(engine, names)).some((found) => found.name === name)) continue;
      fail({
        kind: 'conflict',
        what: `the engine has a network ${name} that is not of this environment`,
        where: engine.where,
        next: `look whose it is (\`docker network inspect ${name}\`), and remove it`,
      });
    }
  }
}

async function listed(
  engine: Engine,
  names: Names,
): Promise<readonly { readonly id: string; readonly name: string }[]> {
  const found = await engine.call('lists the networks', (docker) =>
    docker.listNetworks({ filters: { label: [names.ours] } }),
  );
  return found.map(({ Id, Name }) => ({ id: Id, name: Name }));
}

export async function removeNetworks(engine: Engine, names: Names): Promise<void> {
  for (const { id, name } of await listed(engine, names)) {
    try {
      await engine.call(`removes the network ${name}`, (docker) => docker.getNetwork(id).remove());
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
    }
  }
}
