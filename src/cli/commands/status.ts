import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { exitStatus, printBoard } from '../follow.ts';
import { launchSource } from '../launch-source.ts';
import { whichLaunch } from '../which-launch.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const resident = await connect(call, 'where-state-is');
  const { launch } = await whichLaunch(call, resident, call.arguments[0]);
  const view = await launchSource(resident, launch).view();
  const status = exitStatus(view.state);
  if (call.out.json) {
    call.out.line(JSON.stringify({ kind: 'status', status, launch: await resident.view(launch) }));
  } else printBoard(view, call);
  return status;
}
