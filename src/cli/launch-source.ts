import type { ResidentClient } from '../server/client.ts';
import type { Heard, LaunchSource } from './follow.ts';
import { viewOf } from './picture-view.ts';

/** A launch as the resident process shows it. */
export const launchSource = (client: ResidentClient, launch: string): LaunchSource => ({
  view: async () => viewOf(await client.picture(launch)),
  events: (signal) => heard(client, launch, signal),
});

async function* heard(client: ResidentClient, launch: string, signal: AbortSignal): AsyncGenerator<Heard> {
  for await (const line of client.events(launch, signal))
    yield line.kind === 'picture' ? { kind: 'picture', view: viewOf(line.picture) } : line;
}
