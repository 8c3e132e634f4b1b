import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { followLaunch } from '../follow-launch.ts';
import { launchRequest } from '../launch-request.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const request = await launchRequest(call);
  const resident = await connect(call, 'start');
  const launch = await resident.check(request, call.arguments[0] ?? '');
  return await followLaunch(call, resident, launch);
}
