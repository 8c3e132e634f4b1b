import type { Environment } from '../../src/environments/environment.ts';
import { reloadCaddy } from '../../src/parts/caddy.ts';
import type { Fault } from './fault.ts';
import type { Ground } from './ground.ts';

const CONFIG = { store: 'caddy', path: 'caddy.json' } as const;

/** The load balancer takes up a configuration by which the doors between services lead to a port where nobody listens. */
export const doorsToNobody =
  (of: (ground: Ground) => Promise<Environment>): Fault['plant'] =>
  async (ground) => {
    const { runtime } = await of(ground);
    const sound = Buffer.from((await runtime.read(CONFIG.store, CONFIG.path)) ?? '').toString();
    const configuration = JSON.parse(sound);
    const { servers } = configuration.apps.http;
    for (const name of Object.keys(servers).filter((server) => server.startsWith('inward-')))
      servers[name] = JSON.parse(JSON.stringify(servers[name]).replace(/"dial":"[^"]*"/g, '"dial":"127.0.0.1:9"'));
    const takeUp = async (content: string) => {
      await runtime.put([{ ...CONFIG, content, mode: 0o644, user: 'proxy' }]);
      const end = await runtime.job(reloadCaddy(runtime.place));
      if (end.kind !== 'exited' || end.code !== 0) throw new Error(`Caddy refused it: ${JSON.stringify(end)}`);
    };
    await takeUp(JSON.stringify(configuration));
    return { world: ground.world, unplant: () => takeUp(sound) };
  };
