import { fail } from '../../evidence/problem.ts';
import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { harmless } from '../text.ts';
import { whichLaunch } from '../which-launch.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const { out, options, prefix } = call;
  const step = call.arguments[0] ?? '';
  const only = attemptNumber(options.text('attempt'));
  const resident = await connect(call, 'where-state-is');
  const { launch } = await whichLaunch(call, resident, options.text('launch'));
  const attempts = (await resident.logs(launch, step)).filter((a) => only === undefined || a.attempt === only);
  if (attempts.length === 0)
    return fail({
      kind: 'input',
      what: `${step}${only === undefined ? '' : `, attempt ${only},`} has not run`,
      where: launch,
      next: `see \`${prefix} status ${launch}\` for the steps that have run`,
    });
  for (const { attempt, lines } of attempts) {
    if (out.json) {
      for (const line of lines) out.line(JSON.stringify({ kind: 'log', launch, step, attempt, line }));
      continue;
    }
    out.line(out.colours.bold(`${step}, attempt ${attempt} of ${launch}`));
    for (const line of lines) out.line(`  ${harmless(line)}`);
    if (lines.length === 0) out.line('  it has printed nothing');
  }
  return 0;
}

function attemptNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  return fail({
    kind: 'input',
    what: `${JSON.stringify(text)} is no number of an attempt`,
    next: 'give --attempt 1, 2, …',
  });
}
