import type { Readable } from 'node:stream';
import { fail } from '../../evidence/problem.ts';
import { type Digest, minutes } from '../../evidence/units.ts';
import { followed, type Progress } from './build.ts';
import type { Engine } from './engine.ts';
import { saidByEngine } from './engine-problem.ts';
import { hasImage, nameImage } from './image-facts.ts';

/** Some hundred megabytes over ssh. */
const TRANSFER_LIMIT = minutes(30);

/** The image with all of its layers, as an archive. */
export function saveImage(engine: Engine, id: Digest): Promise<NodeJS.ReadableStream> {
  return engine.call(`reads the image ${id}`, (docker) => docker.getImage(id).get(), { limit: TRANSFER_LIMIT });
}

/**
 * Takes in an image that another engine has saved.
 *
 * @param saved read anew for each try: an archive can be read only once
 * @throws ProblemError it cannot be taken in, or comes out as another image
 */
export async function loadImage(
  engine: Engine,
  id: Digest,
  saved: () => Promise<NodeJS.ReadableStream>,
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  const doing = `takes in the image ${id}`;
  const error = await engine.call(
    doing,
    async (docker) => (await followed(docker, await docker.loadImage((await saved()) as Readable), progress)).error,
    { limit: TRANSFER_LIMIT, signal },
  );
  if (error !== undefined) fail(saidByEngine(error, doing));
  if ((await hasImage(engine, id)) === 'absent')
    fail({
      kind: 'host',
      what: 'the engine gave the image that it was sent another id',
      where: engine.where,
      detail: [`expected ${id}`],
      next: 'let both engines store images in the same way (`docker info`: Storage Driver), or run both environments on one engine',
    });
  await nameImage(engine, id, 'holdpoint-app-sent');
}
