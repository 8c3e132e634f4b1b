import type { App } from '../config/app.ts';
import type { Plan, Step } from '../plan/step.ts';
import type { Call } from './command.ts';

export const environmentName = (call: Call): string => call.options.text('environment') ?? 'production';

/** The plan of an app, as the tracks make it. */
export async function planned(app: App, environment: string): Promise<Plan<Step>> {
  return { app: app.name, environment, steps: [], exemptions: app.exemptions };
}
