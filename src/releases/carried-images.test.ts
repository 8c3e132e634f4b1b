import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notRun, temporaryDocker } from '../../test/runtimes/docker-ground.ts';
import { sampleApp } from '../../test/sample-app.ts';
import { type OwnEngine, ownEngine } from '../../test/servers/docker.ts';
import { type Digest, systemClock } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import { type Engine, findEngine } from '../runtimes/docker/engine.ts';
import type { Images } from '../runtimes/runtime.ts';
import { buildRelease } from './build.ts';
import { carryImages, missingImages } from './carried-images.ts';
import { sourceTree } from './source-tree.ts';

const found = await findEngine();

/** An image of one file. */
async function tinyImage({ docker }: Engine): Promise<Digest> {
  const { pack } = await import('tar-stream');
  const files = pack();
  files.entry({ name: `made-${Date.now()}` }, 'once');
  files.finalize();
  const stream = await docker.importImage(files as unknown as NodeJS.ReadableStream & string, {
    repo: 'holdpoint-test-carried',
  });
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  const id = /sha256:[0-9a-f]{64}/.exec(text)?.[0];
  if (id === undefined) throw new Error(text);
  return id as Digest;
}

describe.skipIf(found.kind === 'none')(`images of a release on two engines${notRun(found)}`, () => {
  if (found.kind === 'none') return;
  const { engine } = found;
  const never = new AbortController().signal;
  const close: (() => Promise<unknown>)[] = [];
  let other: OwnEngine;
  let here: Images;
  let there: Images;
  let id: Digest;
  const imagesOf = async (on: Engine): Promise<Images> => {
    const ground = await temporaryDocker(on);
    close.unshift(ground.close);
    if (ground.runtime.images === undefined) throw new Error('no images');
    return ground.runtime.images;
  };
  beforeAll(async () => {
    other = await ownEngine();
    close.unshift(other.close);
    const second = await findEngine({ socket: other.socket });
    if (second.kind === 'none') throw new Error(second.reason);
    id = await tinyImage(engine);
    close.unshift(() => engine.docker.getImage(id).remove({ force: true }));
    here = await imagesOf(engine);
    there = await imagesOf(second.engine);
  });
  afterAll(async () => {
    for (const end of close) await end();
  });

  const release = () => ({ images: { web: { id, command: ['/web'] as const, ports: [] } } });
  const carry = async (to: Images | undefined) => {
    const lines: string[] = [];
    await carryImages(
      release(),
      { from: { name: 'production', images: here }, to: { name: 'staging', images: to } },
      (line) => lines.push(line),
      never,
    );
    return lines;
  };

  it('are missing where nobody has brought them, by the service that they are for', async () => {
    expect(await missingImages(release(), here)).toEqual(new Map());
    expect(await missingImages(release(), there)).toEqual(new Map([[id, 'web']]));
  });

  it('are brought to the other engine under the same id, once', async () => {
    expect(await carry(there)).toEqual(['sends the image of web from the engine of production to that of staging']);
    expect(await there.has(id)).toBe('there');
    expect(await carry(there)).toEqual([]);
  });

  it('are not sent where both environments share an engine', async () => {
    expect(await carry(here)).toEqual([]);
  });

  it('cannot be run where there is no engine', async () => {
    await expect(carry(undefined)).rejects.toMatchObject({
      problem: { kind: 'input', what: expect.stringContaining('which the runtime of staging cannot run') },
    });
  });

  it('are built again by the next build where somebody has removed them', async () => {
    const root = await mkdtemp(join(tmpdir(), 'hp-'));
    close.unshift(() => rm(root, { recursive: true, force: true }));
    const source = join(root, 'source');
    await mkdir(source);
    await mkdir(join(source, 'web'));
    await writeFile(join(source, 'web', 'Dockerfile'), 'FROM holdpoint-test-carried\nCMD ["/web"]\n');
    // As Compose's `build: ./web` says it.
    const made = {
      kind: 'dockerfile',
      context: 'web',
      file: 'web/Dockerfile',
      target: undefined,
      arguments: {},
    } as const;
    const app = {
      ...sampleApp(),
      root: source,
      services: sampleApp()
        .services.slice(0, 1)
        .map((service) => ({
          ...service,
          name: 'web',
          command: undefined,
          source: { ...made, entrypoint: undefined },
        })),
    };
    const lines: string[] = [];
    const build = async () =>
      buildRelease(app, await sourceTree(source, []), {
        host: localHost(),
        folder: join(root, 'releases'),
        clock: systemClock,
        progress: (line) => lines.push(line),
        signal: never,
        images: here,
      });
    const first = (await build()).images.web?.id;
    if (first === undefined) throw new Error('no image');
    expect((await build()).images.web?.id).toBe(first);
    await engine.docker.getImage(first).remove({ force: true });
    const again = (await build()).images.web?.id;
    close.unshift(() => engine.docker.getImage(String(again)).remove({ force: true }));
    expect(await here.has(again ?? first)).toBe('there');
    expect(lines).toContain('the image of web is gone from the engine, so the release is built again');
  });

  it('are not taken for another one that was sent in their place', async () => {
    const unknown = `sha256:${'0'.repeat(64)}` as Digest;
    await expect(
      there.load(
        unknown,
        () => here.save(id),
        () => undefined,
        never,
      ),
    ).rejects.toMatchObject({
      problem: { what: 'the engine gave the image that it was sent another id' },
    });
  });
});
