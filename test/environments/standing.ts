import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { App } from '../../src/config/app.ts';
import { type Environment, openEnvironment } from '../../src/environments/environment.ts';
import type { Clock } from '../../src/evidence/units.ts';
import { systemClock } from '../../src/evidence/units.ts';
import { localHost } from '../../src/hosts/local.ts';
import { buildRelease } from '../../src/releases/build.ts';
import type { Release } from '../../src/releases/release.ts';
import { sourceTree } from '../../src/releases/source-tree.ts';
import { ensureUser } from '../../src/server/service-user.ts';
import { remove, temporaryDirectory } from '../temporary-state.ts';
import { tinyApp, writeSource } from './tiny-app.ts';

export type Instances = { readonly web?: number; readonly agent?: number };

/** A state directory of its own in which the tiny app's production can be opened again and again. */
export type Standing = {
  readonly root: string;
  readonly app: (instances?: Instances) => App;
  /** Opens production as another command would: with the same folder, whatever the app says now. */
  open(app: App, clock?: Clock): Promise<Environment>;
  release(name: string, app: App): Promise<Release>;
  end(): Promise<void>;
};

export async function standing(): Promise<Standing> {
  const root = temporaryDirectory();
  ensureUser();
  // Short: Postgres' socket lies some 70 characters below it, and a socket's path has at most 107.
  const state = join(root, 's');
  await mkdir(state, { mode: 0o755 });
  const firstPort = await freeHundred();
  const source = join(root, 'source');
  const app = (instances: Instances = {}) => tinyApp(source, firstPort, instances);
  const host = localHost();
  const open = (described: App, clock: Clock = systemClock) =>
    openEnvironment({
      app: described,
      name: 'production',
      kind: 'lasting',
      settings: described.environments.production,
      state,
      host,
      clock,
    });
  return {
    root,
    app,
    open,
    async release(name, described) {
      await writeSource(source, name);
      return buildRelease(described, await sourceTree(source, []), {
        host,
        folder: join(state, 'releases'),
        clock: systemClock,
        progress: () => undefined,
        signal: AbortSignal.timeout(60_000),
        images: undefined,
      });
    },
    async end() {
      await (await open(app())).runtime.destroy();
      remove(root);
    },
  };
}

/** The first of a hundred ports that are all free, above those that examples and throw-away environments use. */
export async function freeHundred(): Promise<number> {
  for (let first = 27_000; first < 29_900; first += 100) {
    const free = await Promise.all(Array.from({ length: 100 }, (_, i) => isFree(first + i)));
    if (free.every((one) => one)) return first;
  }
  throw new Error('no hundred free ports from 27,000 to 29,900');
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
