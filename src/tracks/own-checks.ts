import type { OwnCheck } from '../config/app.ts';
import { absent, exactly, type Observed } from '../evidence/measurement.ts';
import { seconds } from '../evidence/units.ts';
import type { CommandEnd } from '../hosts/host.ts';
import type { Step, StepId } from '../plan/step.ts';
import { howItEnded } from '../releases/build.ts';
import { APPLIES } from './asking.ts';
import { notebook } from './observing.ts';
import type { World } from './world.ts';

/** A team's own checks: a command that prints a number, which comes out as evidence like ours. */
export const ownChecks = (world: World): readonly Step[] => world.app.checks.map((check) => ownCheck(world, check));

const ownCheck = (world: World, check: OwnCheck): Step => ({
  id: `A.1/check-${check.name}` as StepId,
  task: 'A.1',
  title: `The team's own check ${check.name}`,
  needs: ['A.2/release'],
  inputs: { release: world.inputs.release, source: world.inputs.source },
  applies: APPLIES,
  tokens: ['cpu'],
  estimate: seconds(10),
  objectives: [check.objective],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    const end = await world.host.run(
      { argv: check.command, directory: world.app.root, timeLimit: check.timeLimit },
      attempt.signal,
    );
    const { metric, unit, of } = check.objective;
    return [
      note({
        metric,
        unit,
        ...(of === undefined ? {} : { of }),
        observed: printedNumber(end),
        method: { kind: 'command', text: check.command.join(' ') },
      }),
    ];
  },
});

/** The last line must be a number and nothing else. Whatever else the command does is no observation. */
export function printedNumber(end: CommandEnd): Observed {
  if (end.kind !== 'exited' || end.code !== 0) return absent(`the command ${howItEnded(end)}`);
  const last = end.stdout.trim().split('\n').at(-1)?.trim() ?? '';
  return /^-?\d+(\.\d+)?(e-?\d+)?$/i.test(last)
    ? exactly(Number(last), 1)
    : absent('the command did not print a number on its last line');
}
