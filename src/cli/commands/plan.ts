import { criticalPath } from '../../plan/graph.ts';
import { planAsData } from '../../plan/step.ts';
import { TASKS, TRACKS } from '../../plan/task.ts';
import type { Call, ExitStatus } from '../command.ts';
import { givenApp } from '../given-app.ts';
import { planLines } from '../plan-text.ts';
import { planned } from '../planned.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const { out, options } = call;
  const plan = await planned(call, await givenApp(call));
  if (out.json) {
    const { steps: path, length } = criticalPath(plan.steps);
    out.line(
      JSON.stringify({
        kind: 'plan',
        tracks: TRACKS,
        tasks: TASKS,
        plan: planAsData(plan),
        criticalPath: { steps: path, length },
      }),
    );
    return 0;
  }
  const settings = {
    columns: Math.min(out.columns(), 120),
    colours: out.colours,
    objectives: options.given('objectives') || options.given('verbose'),
    inputs: options.given('verbose'),
  };
  for (const line of planLines(plan, settings)) out.line(line);
  return 0;
}
