import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Reading, readApp } from '../../src/config/read.ts';
import { type Environment, openEnvironment } from '../../src/environments/environment.ts';
import { publicTarget } from '../../src/environments/expectation.ts';
import { systemClock } from '../../src/evidence/units.ts';
import { localHost } from '../../src/hosts/local.ts';
import { observe } from '../../src/probes/http.ts';
import { buildRelease } from '../../src/releases/build.ts';
import { sourceTree } from '../../src/releases/source-tree.ts';
import { findEngine } from '../../src/runtimes/docker/engine.ts';
import { Images } from '../../src/runtimes/docker/images.ts';
import { ensureUser } from '../../src/server/service-user.ts';
import { callsIn, observeCalls } from '../../src/tracks/addresses.ts';
import { notebook } from '../../src/tracks/observing.ts';
import { standUp } from '../../src/tracks/stand-up.ts';
import { freeHundred } from '../environments/standing.ts';
import { holdpoint } from '../hard-days/command-line.ts';
import { notRun } from '../runtimes/docker-ground.ts';
import { remove, temporaryDirectory } from '../temporary-state.ts';

/** A Compose file that a team has on its server: drafted by `holdpoint init`, and stood up as it is. */

const never = new AbortController().signal;
const engine = await findEngine();

describe.skipIf(engine.kind === 'none')(`the app of a Compose file${notRun(engine)}`, () => {
  let root: string;
  let reading: Reading;
  let environment: Environment;

  beforeAll(async () => {
    root = temporaryDirectory();
    const [app, state] = [join(root, 'bulletin'), join(root, 's')];
    await cp(fileURLToPath(new URL('bulletin', import.meta.url)), app, { recursive: true });
    await withBaseOfOurs(app);
    await mkdir(state, { mode: 0o755 });
    ensureUser();
    const drafted = await holdpoint({ app, state }, 'init', '--yes');
    if (drafted.status !== 0) throw new Error(drafted.err);
    reading = await readApp(app);
    if (reading.kind !== 'app') throw new Error(JSON.stringify(reading.problems));
    const first = await freeHundred();
    const settings = {
      ...reading.app.environments.production,
      httpsPort: first,
      firstPort: first + 1,
      runtime: 'docker' as const,
    };
    const host = localHost();
    environment = await openEnvironment({
      ...{ app: reading.app, name: 'production', kind: 'lasting', settings, state, host, clock: systemClock },
    });
    await environment.runtime.prepare(() => undefined, never);
    const release = await buildRelease(reading.app, await sourceTree(app, []), {
      ...{ host, folder: join(state, 'releases'), clock: systemClock, progress: () => undefined },
      ...{ signal: never, images: environment.runtime.images },
    });
    await standUp(environment, { release, signal: never, clock: systemClock, progress: () => undefined });
  }, 600_000);
  afterAll(async () => {
    await environment?.runtime.destroy();
    remove(root);
  });

  it('has nothing left out but its proxy and its own Redis', () => {
    expect((reading.kind === 'app' ? reading.remarks : []).map(({ line, what }) => `${line} ${what}`)).toEqual([
      '3 services.proxy',
      '34 services.cache: the image redis:7-alpine',
    ]);
  });

  it('shows its page, which an API behind it counts in a cache, and is counted down by a worker', async () => {
    const count = async () => {
      const { exchange } = await observe(await publicTarget(environment), { method: 'GET', path: '/' });
      return exchange.end === 'answered' ? exchange.body.toString() : exchange.end;
    };
    expect(await count()).toMatch(/<h1>Notices<\/h1><p>-?\d+ today/);
    const logs = async () => (await environment.runtime.logs('worker-1', 5)).join('\n');
    await expect.poll(logs, { timeout: 30_000 }).toContain('expired one notice: 200');
  });

  it('has every service reached at the address that its callers are told', async () => {
    const note = notebook('local', systemClock);
    const seen = await observeCalls(environment, 'blue', callsIn(environment.app), note, never);
    expect(seen.observed).toMatchObject({ kind: 'value', value: 0, n: 2 });
  });
});

/** No public image can be pulled on every machine that tests: the parts' own, which has Node, stands in for its base. */
async function withBaseOfOurs(folder: string): Promise<void> {
  if (engine.kind === 'none') return;
  const base = await new Images(engine.engine, () => undefined).common();
  for (const path of await readdir(folder, { recursive: true })) {
    if (basename(path) !== 'Dockerfile') continue;
    const text = await readFile(join(folder, path), 'utf8');
    await writeFile(join(folder, path), text.replace(/^FROM .*$/m, `FROM ${base}`));
  }
}
