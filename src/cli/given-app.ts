import { resolve } from 'node:path';
import type { App } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import type { Call } from './command.ts';

/** The path that `--app` gives, else the folder that the command is called in. */
export const appPath = (call: Call): string => call.options.text('app') ?? '.';

/**
 * The app that the command is about.
 *
 * @throws ProblemError `input` with everything that is wrong with holdpoint.yaml at once
 */
export async function givenApp(call: Call): Promise<App> {
  const [{ readApp }, { problemOfConfig }] = await Promise.all([
    import('../config/read.ts'),
    import('../config/problem.ts'),
  ]);
  const path = appPath(call);
  const reading = await readApp(path);
  if (reading.kind === 'app') return reading.app;
  const [first] = reading.problems;
  if (reading.problems.length === 1 && first?.found === 'no such file')
    return fail({
      kind: 'input',
      what: 'there is no holdpoint.yaml here',
      where: resolve(path),
      next: 'go to the folder of your app, or name it with --app PATH',
    });
  return fail(problemOfConfig(reading.problems));
}
