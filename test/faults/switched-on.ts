import type { World } from '../../src/tracks/world.ts';
import type { Fault } from './fault.ts';
import type { Ground } from './ground.ts';

/** A fault of the app itself: it is told to do wrong, and to be sound again afterwards. */
export const switchedOn =
  (fault: Parameters<Ground['tellApp']>[0]): Fault['plant'] =>
  async (ground) => {
    await ground.tellApp(fault);
    return { world: ground.world, unplant: () => ground.tellApp({}) };
  };

/** A fault that lies in what the steps are given. There is nothing to take away afterwards. */
export const given =
  (change: (world: World) => World): Fault['plant'] =>
  async ({ world }) => ({ world: change(world), unplant: async () => undefined });
