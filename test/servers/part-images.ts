import { type Engine, findEngine } from '../../src/runtimes/docker/engine.ts';
import { Images } from '../../src/runtimes/docker/images.ts';
import { PART_ROLES } from '../../src/runtimes/docker/recipes.ts';

/**
 * Has an engine of the test's own take the images of the parts from the machine's, which builds them once: in the test's
 * network there is no mirror to build them from.
 */
export async function takePartImages(from: Engine, socket: string): Promise<void> {
  const images = new Images(from, () => {});
  await images.prepare(AbortSignal.timeout(900_000));
  const parts = await Promise.all(PART_ROLES.map((role) => images.of({ kind: 'parts' }, role)));
  const tags = (await from.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  const base = tags.filter((tag) => tag.startsWith('holdpoint-base:'));
  const own = await findEngine({ socket });
  if (own.kind === 'none') throw new Error(own.reason);
  if (!savesMany(from.docker)) throw new Error('dockerode has changed');
  const loaded = await own.engine.docker.loadImage(
    await from.docker.getImages({ names: [...base, await images.common(), ...parts] }),
  );
  loaded.resume();
  await new Promise((resolve, reject) => loaded.on('end', resolve).on('error', reject));
}

/** Its types know how to save one image; several at once share what they stand on. */
type SavesMany = {
  getImages(which: { readonly names: readonly string[] }): Promise<NodeJS.ReadableStream>;
};
const savesMany = <T extends object>(docker: T): docker is T & SavesMany =>
  'getImages' in docker && typeof docker.getImages === 'function';
