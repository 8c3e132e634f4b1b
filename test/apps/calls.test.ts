import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { App } from '../../src/config/app.ts';
import { appFromText } from '../../src/config/read.ts';
import { type Environment, openEnvironment } from '../../src/environments/environment.ts';
import { aim } from '../../src/environments/epoch.ts';
import { publicTarget } from '../../src/environments/expectation.ts';
import { systemClock } from '../../src/evidence/units.ts';
import { localHost } from '../../src/hosts/local.ts';
import { observe } from '../../src/probes/http.ts';
import { buildRelease } from '../../src/releases/build.ts';
import type { Release } from '../../src/releases/release.ts';
import { sourceTree } from '../../src/releases/source-tree.ts';
import { findEngine } from '../../src/runtimes/docker/engine.ts';
import { ensureUser } from '../../src/server/service-user.ts';
import { callsIn, observeCalls } from '../../src/tracks/addresses.ts';
import { notebook } from '../../src/tracks/observing.ts';
import { bringUpCandidate, retireOld, rollOut, switchToCandidate } from '../../src/tracks/rollout.ts';
import { freeHundred } from '../environments/standing.ts';
import { notRun } from '../runtimes/docker-ground.ts';
import { remove, temporaryDirectory } from '../temporary-state.ts';

/** Services that call one another, through a rollout: pages call prices, and a worker that nobody calls calls both. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

/** Named below the others, a further service takes a path over that pages had. */
const EXTRA = `  extra: { command: node prices.cjs, readiness: /ready, paths: [/v1] }
`;

const description = (runtime: string, first: number, more = '') => `
name: calls
services:
  # Listed before what it calls, and ready only once that answers.
  pages: { command: node pages.cjs, readiness: /ready, addresses: { PRICES_URL: prices/v1 } }
  prices: { command: node prices.cjs, readiness: /ready, paths: [] }
  shop: { command: node prices.cjs, readiness: /ready, paths: [/shop]${runtime === 'docker' ? ', port: 8080, portVariable: NOBODY_READS' : ''} }
  worker: { kind: agent, command: node worker.cjs, addresses: { PAGES_URL: pages, PRICES_URL: prices/v1 } }
${more}production: { httpsPort: ${first}, firstPort: ${first + 1}, hostname: calls.test, runtime: ${runtime} }
staging: false
`;

const SERVED = `
const { createServer } = require('node:http');
const release = require('node:fs').readFileSync('release', 'utf8');
const text = async (url) => (await fetch(url)).text();
const serve = (answer) => createServer(async (request, response) => {
  try { response.end(await answer(request.url)); } catch (error) { response.writeHead(503); response.end(String(error)); }
}).listen(Number(process.env.PORT ?? 8080), process.env.HOST);
`;
const SOURCE = {
  'pages.cjs': `${SERVED} serve(async (url) => (url === '/ready' ? text(process.env.PRICES_URL) : 'pages ' + release + ', ' + await text(process.env.PRICES_URL)));`,
  'prices.cjs': `${SERVED} serve(async (url) => (url.startsWith('/shop') ? 'shop ' : 'prices ') + release + ' ' + url);`,
  'worker.cjs': `${SERVED} setInterval(async () => { try { console.log('worker ' + release + ' saw: ' + await text(process.env.PAGES_URL) + ' / ' + await text(process.env.PRICES_URL)); } catch (error) { console.log(String(error)); } }, 200);`,
};

const never = new AbortController().signal;

async function shop(runtime: 'process' | 'docker') {
  const root = temporaryDirectory();
  ensureUser();
  const [state, source] = [join(root, 's'), join(root, 'source')];
  await mkdir(state, { mode: 0o755 });
  const first = await freeHundred();
  const described = (text: string): App => {
    const reading = appFromText(text, 'holdpoint.yaml', source);
    if (reading.kind !== 'app') throw new Error(JSON.stringify(reading.problems));
    return reading.app;
  };
  const app = described(description(runtime, first));
  const host = localHost();
  const open = (of: App) =>
    openEnvironment({
      ...{ app: of, name: 'production', kind: 'lasting', settings: of.environments.production },
      ...{ state, host, clock: systemClock },
    });
  const environment = await open(app);
  await environment.runtime.prepare(() => undefined, never);
  return {
    app,
    environment,
    open,
    more: () => described(description(runtime, first, EXTRA)),
    async release(name: string, of = app): Promise<Release> {
      await mkdir(source, { recursive: true });
      for (const [file, content] of Object.entries({ ...SOURCE, release: name }))
        await writeFile(join(source, file), content);
      return buildRelease(of, await sourceTree(source, []), {
        ...{ host, folder: join(state, 'releases'), clock: systemClock, progress: () => undefined },
        signal: AbortSignal.timeout(60_000),
        images: undefined,
      });
    },
    async end() {
      await environment.runtime.destroy();
      remove(root);
    },
  };
}

const engine = await findEngine();

describe.each(['process', 'docker'] as const)('services that call one another, on %s', (runtime) => {
  describe.skipIf(runtime === 'docker' && engine.kind === 'none')(`there${notRun(engine)}`, () => {
    let stand: Awaited<ReturnType<typeof shop>>;
    let environment: Environment;
    let app: App;
    let second: Release;
    beforeAll(async () => {
      stand = await shop(runtime);
      ({ environment, app } = stand);
      const first = await stand.release('first');
      second = await stand.release('second');
      await aim(environment, first.source, 0);
      expect((await rollOut(environment, first, never, systemClock)).map(({ kind }) => kind)).toEqual([
        ...['ready', 'ready', 'ready', 'ready'],
      ]);
    });
    afterAll(async () => stand?.end());

    async function served(path: string, door: 'public' | 'preview' = 'public'): Promise<string> {
      const { exchange } = await observe(await publicTarget(environment, door), { method: 'GET', path });
      return exchange.end === 'answered' ? `${exchange.status} ${exchange.body}` : exchange.end;
    }
    const worker = async () => (await environment.runtime.logs('worker-1', 1)).join('');
    const calls = async (slot: 'blue' | 'green') => {
      const note = notebook('local', systemClock);
      return (await observeCalls(environment, slot, callsIn(app), note, never)).observed;
    };

    it('start after those that they call, and reach them at the path that is asked for', async () => {
      expect(await served('/')).toBe('200 pages first, prices first /v1');
      expect(await served('/shop/7')).toBe('200 shop first /shop/7');
      expect(await served('/v1')).toBe('200 pages first, prices first /v1');
      await expect
        .poll(worker, { timeout: 30_000 })
        .toBe('worker first saw: pages first, prices first /v1 / prices first /v1');
      expect(await calls('blue')).toMatchObject({ kind: 'value', value: 0, n: 3 });
    });

    it('call their own release while it is a candidate, and the worker what is live', async () => {
      await aim(environment, second.source, 1);
      const candidate = await bringUpCandidate(environment, second, never, systemClock);
      expect(candidate).toMatchObject({ slot: 'green', already: 'no' });
      expect(await served('/')).toBe('200 pages first, prices first /v1');
      expect(await served('/', 'preview')).toBe('200 pages second, prices second /v1');
      expect(await worker()).toBe('worker first saw: pages first, prices first /v1 / prices first /v1');
      expect((await switchToCandidate(environment, second, systemClock)).kind).toBe('made');
      expect(await served('/')).toBe('200 pages second, prices second /v1');
      await expect
        .poll(worker, { timeout: 30_000 })
        .toBe('worker first saw: pages second, prices second /v1 / prices second /v1');
      await retireOld(environment);
      expect(await calls('green')).toMatchObject({ kind: 'value', value: 0, n: 3 });
    });

    it('stay as they are while a release with other services and paths is tried beside them', async () => {
      const app = stand.more();
      const third = await stand.release('third', app);
      const beside = await stand.open(app);
      const caddy = async () => {
        const state = await environment.runtime.inspect('caddy');
        return state.kind === 'running' ? state.pid : state.kind;
      };
      const before = await caddy();
      await aim(beside, third.source, 2);
      expect(await bringUpCandidate(beside, third, never, systemClock)).toMatchObject({ slot: 'blue', already: 'no' });
      expect(await caddy()).toBe(before);
      expect(await served('/v1')).toBe('200 pages second, prices second /v1');
      expect(await served('/v1', 'preview')).toBe('200 prices third /v1');
      expect(await served('/', 'preview')).toBe('200 pages third, prices third /v1');
      await expect
        .poll(worker, { timeout: 30_000 })
        .toBe('worker first saw: pages second, prices second /v1 / prices second /v1');
    });

    it('keep their places: a release that would give one to another service is refused', async () => {
      const app = stand.more();
      const turned = await stand.open({ ...app, services: [...app.services].reverse() });
      await expect(bringUpCandidate(turned, second, never, systemClock)).rejects.toMatchObject({
        problem: { kind: 'conflict', what: expect.stringMatching(/is live at .*, which would now belong to/) },
      });
      expect(await served('/')).toBe('200 pages second, prices second /v1');
    });

    // 5 s for each of them: once is enough.
    it.skipIf(runtime === 'docker')(
      'are found unreachable where the instances behind an address are gone',
      async () => {
        await environment.runtime.stop('prices-green-1');
        expect(await calls('green')).toMatchObject({ kind: 'value', value: 2, n: 3 });
      },
    );
  });
});
