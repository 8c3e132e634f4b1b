import { fail } from '../evidence/problem.ts';
import type { Digest } from '../evidence/units.ts';
import type { Images } from '../runtimes/runtime.ts';
import type { Release } from './release.ts';

/** Where images are built, or are to run. */
export type ImagePlace = { readonly name: string; readonly images: Images | undefined };

/**
 * The images of a release that an engine does not have (any more), with the services that they are for. None is missed where
 * nothing runs from images.
 */
export async function missingImages(
  release: Pick<Release, 'images'>,
  images: Images | undefined,
): Promise<Map<Digest, string>> {
  const missing = new Map<Digest, string>();
  if (images === undefined) return missing;
  for (const [service, { id }] of Object.entries(release.images))
    if (!missing.has(id) && (await images.has(id)) === 'absent') missing.set(id, service);
  return missing;
}

/**
 * Brings the images of a release to where an environment runs: the same ones, by id, so that staging is what production
 * is. Nothing is sent where both run on one engine, or a second time.
 *
 * @throws ProblemError `input` where the environment cannot run images, `host` where one cannot be read or taken in
 */
export async function carryImages(
  release: Pick<Release, 'images'>,
  { from, to }: { readonly from: ImagePlace; readonly to: ImagePlace },
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const [service] = Object.keys(release.images);
  if (service === undefined) return;
  if (to.images === undefined || from.images === undefined)
    return fail({
      kind: 'input',
      what: `the service ${service} is made of an image, which the runtime of ${to.name} cannot run`,
      where: to.name,
      next: 'set `runtime: docker` for the environment, or give the service a `command`',
    });
  const { images } = from;
  for (const [id, of] of await missingImages(release, to.images)) {
    progress(`sends the image of ${of} from the engine of ${from.name} to that of ${to.name}`);
    await to.images.load(id, () => images.save(id), progress, signal);
  }
}
