import type { EngineEvent } from '../engine/event.ts';
import type { ResidentClient } from '../server/client.ts';
import type { LaunchSource } from './follow.ts';
import { viewOf } from './picture-view.ts';

/** A launch as the resident process shows it. */
export const launchSource = (client: ResidentClient, launch: string): LaunchSource => ({
  view: async () => viewOf(await client.picture(launch)),
  events: (signal) => eventsAlone(client, launch, signal),
});

/** Without the picture that a stream begins with: whoever follows has asked for one. */
async function* eventsAlone(client: ResidentClient, launch: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  for await (const line of client.events(launch, signal)) if (line.kind !== 'picture') yield line;
}
