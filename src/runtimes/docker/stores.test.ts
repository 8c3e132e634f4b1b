import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notRun, temporaryDocker } from '../../../test/runtimes/docker-ground.ts';
import { ProblemError } from '../../evidence/problem.ts';
import { findEngine } from './engine.ts';
import { namesOf } from './names.ts';

const found = await findEngine();

describe.skipIf(found.kind === 'none')(
  `a volume that has the name of a store and not its labels${notRun(found)}`,
  () => {
    if (found.kind === 'none') return;
    const { docker } = found.engine;
    let ground: Awaited<ReturnType<typeof temporaryDocker>>;
    const volume = (store: string) => namesOf(ground.id).store(store);
    beforeAll(async () => {
      ground = await temporaryDocker(found.engine);
    }, 600_000);
    afterAll(async () => {
      // Only one case makes it.
      await docker
        .getVolume(volume('taken'))
        .remove()
        .catch(() => {});
      await ground.close();
    });

    it('is made anew where it is empty: an engine that was killed while it made the store leaves such a one', async () => {
      await docker.createVolume({ Name: volume('half-made') });
      await ground.runtime.store('half-made', 'app');
      expect(await ground.runtime.stores()).toContain('half-made');
      await ground.runtime.put([{ store: 'half-made', path: 'a', content: 'here', mode: 0o600, user: 'app' }]);
      expect(Buffer.from((await ground.runtime.read('half-made', 'a')) ?? []).toString()).toBe('here');
    });

    it('is left alone where something lies in it', async () => {
      await ground.runtime.store('own', 'app');
      await ground.runtime.put([{ store: 'own', path: 'a', content: 'theirs', mode: 0o600, user: 'app' }]);
      await docker.createVolume({ Name: volume('taken') });
      // By a container of somebody else's, which has ended.
      const image = (await docker.listImages())
        .flatMap(({ RepoTags }) => RepoTags ?? [])
        .find((tag) => /^holdpoint-common:/.test(tag));
      const theirs = await docker.createContainer({
        Image: image ?? '',
        Entrypoint: ['/bin/sh', '-c', 'echo theirs >/data/kept'],
        HostConfig: { Mounts: [{ Type: 'volume', Source: volume('taken'), Target: '/data' }] },
        User: '0:0',
      });
      await theirs.start();
      await theirs.wait();
      await theirs.remove();
      const thrown = await ground.runtime.store('taken', 'app').catch((error: unknown) => error);
      expect(thrown instanceof ProblemError ? thrown.problem.what : thrown).toContain(
        'that is not of this environment',
      );
      expect((await docker.getVolume(volume('taken')).inspect()).Labels ?? {}).toEqual({});
    });
  },
);
