import type { Observe } from '../../../config/app.ts';
import type { Step, StepId } from '../../../plan/step.ts';
import type { World } from '../../world.ts';
import { observedDatabase } from './database.ts';
import { ONLY_OBSERVED } from './deployment.ts';
import { observedHeaders } from './headers.ts';
import { observedHealth } from './health.ts';
import { observedLatency } from './latency.ts';
import { observedSmoke } from './smoke.ts';
import { observedTls } from './tls.ts';
import { observedWatched } from './watched.ts';
import { observedWindow } from './window.ts';

/** What can be seen of a deployment that something else made, from outside and without changing it. */
const OBSERVED: readonly ((world: World, observe: Observe) => Step)[] = [
  observedHealth,
  observedHeaders,
  observedTls,
  observedDatabase,
  observedLatency,
  observedSmoke,
  observedWatched,
  observedWindow,
];

/** Steps that look at the app's source on this machine: who deploys the app makes no difference to them. */
const looksAtSource = (id: StepId): boolean =>
  id === 'A.1/secrets' || id === 'C.1/tests' || id.startsWith('A.1/check-');

/**
 * The plan for an app that is only observed: every step of the ordinary plan, of which those that would deploy, start,
 * break or change something do not apply, and those that a URL is enough for look at it.
 */
export function observedSteps(world: World, observe: Observe, ordinary: readonly Step[]): Step[] {
  const looks = OBSERVED.map((make) => make(world, observe));
  const instead = ordinary.map((step) => {
    if (looksAtSource(step.id)) return step;
    return looks.find(({ id }) => id === step.id) ?? { ...step, applies: ONLY_OBSERVED };
  });
  return [...instead, ...looks.filter(({ id }) => !ordinary.some((step) => step.id === id))];
}
