import { resolve } from 'node:path';
import type { App } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import type { Call } from './command.ts';
import { harmless } from './text.ts';

/** The path that `--app` gives, else the folder that the command is called in. */
export const appPath = (call: Call): string => call.options.text('app') ?? '.';

/**
 * The app that the command is about.
 *
 * @throws ProblemError `input` with everything that is wrong with holdpoint.yaml at once
 */
export async function givenApp(call: Call): Promise<App> {
  const [{ readApp, remarkLine }, { problemOfConfig }] = await Promise.all([
    import('../config/read.ts'),
    import('../config/problem.ts'),
  ]);
  const path = appPath(call);
  const reading = await readApp(path);
  if (reading.kind === 'app') {
    tellRemarks(call, reading.remarks.map(remarkLine));
    return reading.app;
  }
  const [first] = reading.problems;
  if (reading.problems.length === 1 && first?.found === 'no such file')
    return fail({
      kind: 'input',
      what: 'there is no holdpoint.yaml here',
      where: resolve(path),
      next: 'go to the folder of your app, or name it with --app PATH; `holdpoint init` drafts one from what lies there',
    });
  return fail(problemOfConfig(reading.problems));
}

const told = new WeakSet<Call>();

/** What a Compose file says and is not taken over, with its line; once, however often the app is read. */
function tellRemarks(call: Call, lines: readonly string[]): void {
  if (told.has(call)) return;
  told.add(call);
  for (const line of lines) call.out.remark(`not taken over: ${harmless(line)}`);
}
