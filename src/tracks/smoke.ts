import type { Environment } from '../environments/environment.ts';
import { difference, publicTarget } from '../environments/expectation.ts';
import { exactly, type Observed } from '../evidence/measurement.ts';

/** Sends the app's smoke requests through a door of the load balancer and counts those that are answered otherwise. */
export async function smokeThrough(
  environment: Environment,
  door: 'public' | 'preview',
): Promise<{ readonly observed: Observed; readonly note: string | undefined }> {
  const target = await publicTarget(environment, door);
  const failing: string[] = [];
  for (const asked of environment.app.smoke) {
    const how = await difference(target, asked);
    if (how !== undefined) failing.push(`${asked.name}: ${how}`);
  }
  return { observed: exactly(failing.length, environment.app.smoke.length), note: failing[0] };
}
