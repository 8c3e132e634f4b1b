import { tally } from '../../plan/tally.ts';
import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { exitStatus, printBoard } from '../follow.ts';
import { whichLaunch } from '../which-launch.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const resident = await connect(call, 'where-state-is');
  try {
    const { launch } = await whichLaunch(call, resident, call.arguments[0]);
    const view = await resident.source(launch).view();
    const status = exitStatus(view.state);
    if (call.out.json) {
      const { steps, end, opened, closed, decisions } = view.state;
      const data = { kind: 'status', launch, status, end, tally: tally(view.state), opened, closed, decisions };
      call.out.line(JSON.stringify({ ...data, steps: Object.fromEntries(steps) }));
    } else printBoard(view, call);
    return status;
  } finally {
    await resident.close();
  }
}
