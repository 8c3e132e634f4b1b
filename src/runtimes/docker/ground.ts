import type Docker from 'dockerode';
import type { Software, UnitUser } from '../unit.ts';
import type { Engine } from './engine.ts';
import { unlessAbsent } from './engine-problem.ts';
import { type ImageDetails, imageDetails } from './image-facts.ts';
import type { Images } from './images.ts';
import type { Names } from './names.ts';
import type { UnitRecords } from './records.ts';
import type { Stores } from './stores.ts';

/** What the rooms of the runtime stand on: one environment on one engine. */
export type Ground = {
  readonly engine: Engine;
  readonly names: Names;
  readonly images: Images;
  readonly stores: Stores;
  readonly records: UnitRecords;
};

/** Undefined where the engine has no such container. */
export const inspected = (
  { engine }: Pick<Ground, 'engine'>,
  nameOrId: string,
): Promise<Docker.ContainerInspectInfo | undefined> =>
  unlessAbsent(engine.call(`looks at ${nameOrId}`, (docker) => docker.getContainer(nameOrId).inspect()));

/** The image of a software, and what it says of itself where it is not one of ours. */
export async function imageOf(
  { images, engine }: Pick<Ground, 'images' | 'engine'>,
  software: Software,
  user: UnitUser,
): Promise<{ readonly image: string; readonly details: ImageDetails | undefined }> {
  const image = await images.of(software, user);
  return { image, details: software.kind === 'image' ? await imageDetails(engine, image) : undefined };
}
