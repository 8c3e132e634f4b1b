import type { App } from '../config/app.ts';
import { durationIn } from '../config/quantity.ts';
import { milliseconds, systemClock } from '../evidence/units.ts';
import { localHost } from '../hosts/local.ts';
import type { Plan, Step } from '../plan/step.ts';
import { stateDirectoryPath } from '../server/state-directory.ts';
import { makeWorld } from '../tracks/make-world.ts';
import { planFor } from '../tracks/plan-for.ts';
import type { Call } from './command.ts';
import { packageVersion } from './package-version.ts';

export const environmentName = (call: Call): string => call.options.text('environment') ?? 'production';

/** The plan of an app, as the tracks make it. Nothing is touched: environments are described, not opened. */
export async function planned(call: Call, app: App): Promise<Plan<Step>> {
  const window = call.options.text('window');
  const world = await makeWorld({
    app,
    state: stateDirectoryPath(call.options.text('state')),
    host: localHost(),
    clock: systemClock,
    version: packageVersion(),
    window: window === undefined ? undefined : milliseconds(durationIn(window) ?? app.window.length),
    before: undefined,
    purpose: 'to-look',
  });
  return planFor(world);
}
