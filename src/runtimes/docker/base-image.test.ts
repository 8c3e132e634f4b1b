import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pack } from 'tar-stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type OwnEngine, ownEngine } from '../../../test/servers/docker.ts';
import { problemLines, problemOf } from '../../evidence/problem.ts';
import { isRoot } from '../../hosts/accounts.ts';
import { localHost } from '../../hosts/local.ts';
import { installPackages, missingPackages } from '../../hosts/packages.ts';
import { findProgram } from '../../hosts/programs.ts';
import { ensureBase } from './base-image.ts';
import { type Engine, findEngine } from './engine.ts';
import type { Machine } from './machine.ts';

const needs =
  !isRoot() || findProgram('dockerd') === undefined
    ? ' (not run: a registry and an engine of the test’s own need root and dockerd)'
    : '';

/** In a network of the engine's own every port is free. */
const REGISTRY = '127.0.0.1:5000';
const SILENT = '127.0.0.1:5001';
const FORGING = '127.0.0.1:5002';
const PULLED = 'holdpoint-base:bookworm-pulled';
const ABSENT = `sha256:${'0'.repeat(64)}`;

/** debootstrap is really asked, and finds no Debian there: what was told of the pull is seen beside it. */
const nothingToMakeItOf: Machine = {
  sources: '',
  mirror: 'file:///nowhere',
  configuration: '',
  proxies: {},
  certificates: [],
};

describe.skipIf(needs !== '')(`the base image from a registry${needs}`, { timeout: 60_000 }, () => {
  let folder: string;
  let own: OwnEngine;
  let engine: Engine;
  /** What the registry has as library/debian. */
  let digest: string;

  beforeAll(async () => {
    const host = localHost();
    // Under the guard: Debian's own registry is not started.
    const registry = [{ package: 'docker-registry', program: 'docker-registry' }];
    await installPackages(host, await missingPackages(host, registry));
    folder = await mkdtemp(join(tmpdir(), 'hp-registry-'));
    own = await ownEngine({ options: [`--registry-mirror=http://${REGISTRY}`] });
    own.inside(['docker-registry', 'serve', await registryConfiguration(folder)]);
    own.inside([process.execPath, '-e', `require('node:net').createServer(() => {}).listen(5001, '127.0.0.1')`]);
    own.inside([process.execPath, '-e', ANSWERS_WITH_ANOTHER]);
    const found = await findEngine({ socket: own.socket });
    if (found.kind === 'none') throw new Error(found.reason);
    engine = found.engine;
    digest = await pushed(engine, `${REGISTRY}/library/debian`);
  }, 120_000);
  afterAll(async () => {
    await own?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);
  afterEach(async () => {
    // Most cases pull nothing.
    await engine.docker
      .getImage(PULLED)
      .remove({ force: true })
      .catch(() => undefined);
  });

  const base = async (reference: string) => {
    const told: string[] = [];
    const end = await ensureBase(
      engine,
      async () => nothingToMakeItOf,
      (line) => told.push(line),
      reference,
    ).then(
      (name) => name,
      (thrown) => problemLines(problemOf(thrown)).join('\n'),
    );
    return { end, told };
  };
  const fallsBack = (because: RegExp) => ({
    end: expect.stringMatching(/the base image can neither be pulled nor made: debootstrap failed[\s\S]*pull: /),
    told: [expect.stringMatching(/^pulls /), expect.stringMatching(because)],
  });

  it('is pulled by its digest through the mirror, and named as a pulled one', async () => {
    expect(await base(`debian@${digest}`)).toEqual({ end: PULLED, told: [`pulls debian@${digest}`] });
    const { RepoDigests, Os } = await engine.docker.getImage(PULLED).inspect();
    expect(RepoDigests).toContain(`debian@${digest}`);
    expect(Os).toBe('linux');
    // The second time nothing is asked of any registry.
    expect(await base(`debian@${ABSENT}`)).toEqual({ end: PULLED, told: [] });
  });

  it('is made where the registry has none of that digest, and the reason is told', async () => {
    expect(await base(`${REGISTRY}/library/debian@${ABSENT}`)).toEqual(
      fallsBack(/cannot be pulled \(.*manifest.*unknown.*\); it is made by debootstrap instead/),
    );
  });

  it('is made where what comes is not what the digest says', async () => {
    expect(await base(`${FORGING}/library/debian@${ABSENT}`)).toEqual(
      fallsBack(/cannot be pulled \(.*digest.*\); it is made by debootstrap instead/),
    );
  });

  it('is made where nobody listens', async () => {
    expect(await base(`127.0.0.1:1/library/debian@${digest}`)).toEqual(
      fallsBack(/cannot be pulled \(.*connection refused.*\); it is made by debootstrap instead/),
    );
  });

  it('is made where the registry takes the call and never answers', async () => {
    expect(await base(`${SILENT}/library/debian@${digest}`)).toEqual(
      fallsBack(/cannot be pulled \(no answer in time\); it is made by debootstrap instead/),
    );
  });
});

async function registryConfiguration(folder: string): Promise<string> {
  const data = join(folder, 'data');
  await mkdir(data);
  const file = join(folder, 'registry.yml');
  await writeFile(
    file,
    JSON.stringify({
      version: 0.1,
      storage: { filesystem: { rootdirectory: data } },
      http: { addr: REGISTRY },
    }),
  );
  return file;
}

/** Whatever manifest it is asked for, another one comes. */
const ANSWERS_WITH_ANOTHER = `require('node:http').createServer((asked, answer) => {
  answer.setHeader('content-type', 'application/vnd.docker.distribution.manifest.v2+json');
  answer.end(asked.url === '/v2/' ? '{}' : JSON.stringify({ schemaVersion: 2, mediaType: answer.getHeader('content-type') }));
}).listen(5002, '127.0.0.1')`;

/** An image as small as can be, put into the registry; the engine keeps nothing of it. */
async function pushed(engine: Engine, name: string): Promise<string> {
  const { docker } = engine;
  const tar = pack();
  tar.entry({ name: 'etc/debian_version' }, '12.0\n');
  tar.finalize();
  await ended(await docker.importImage(tar, { repo: name, tag: 'bookworm' }));
  for (let left = 100; left > 0; left--) {
    const said = await ended(await docker.getImage(`${name}:bookworm`).push({ authconfig: {} }));
    const found = /"Digest":"(sha256:[0-9a-f]{64})"/.exec(said)?.[1];
    if (found !== undefined) {
      await docker.getImage(`${name}:bookworm`).remove();
      return found;
    }
    // The registry has just been started.
    await sleep(100);
  }
  throw new Error('nothing was pushed');
}

async function ended(stream: NodeJS.ReadableStream): Promise<string> {
  let said = '';
  for await (const chunk of stream) said += String(chunk);
  return said;
}
