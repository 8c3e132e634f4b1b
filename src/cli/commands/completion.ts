import { fail } from '../../evidence/problem.ts';
import type { Call, ExitStatus } from '../command.ts';
import { completionScript, SHELLS } from '../completion.ts';

export async function run({ out, arguments: [asked] }: Call): Promise<ExitStatus> {
  const shell = SHELLS.find((s) => s === asked);
  if (shell === undefined)
    return fail({
      kind: 'input',
      what: `there is no completion for ${JSON.stringify(asked)}`,
      where: 'holdpoint completion SHELL',
      next: `give one of ${SHELLS.join(', ')}`,
    });
  out.raw(completionScript(shell));
  return 0;
}
