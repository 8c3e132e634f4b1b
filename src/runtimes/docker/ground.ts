import { setTimeout as sleep } from 'node:timers/promises';
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

const FIRST_LOOK_MS = 10;
const LONGEST_WAIT_MS = 400;

/**
 * The container once it has ended; undefined once it is gone. By looking again and again: the engine's own `wait` never
 * tells its client that the engine went away.
 */
export async function endOf(
  { engine }: Pick<Ground, 'engine'>,
  id: string,
  signal?: AbortSignal,
): Promise<Docker.ContainerInspectInfo | undefined> {
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(LONGEST_WAIT_MS, pause * 1.4)) {
    const found = await inspected({ engine }, id);
    if (found === undefined || !ALIVE.has(found.State.Status)) return found;
    await sleep(pause, undefined, signal === undefined ? {} : { signal });
  }
}

/** `restarting` is between two lives. */
export const ALIVE: ReadonlySet<string> = new Set(['running', 'restarting', 'paused']);
