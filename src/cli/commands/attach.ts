import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { followLaunch } from '../follow-launch.ts';
import { printPlaces } from '../live-places.ts';
import { whichLaunch } from '../which-launch.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const resident = await connect(call, 'where-state-is');
  const { launch } = await whichLaunch(call, resident, call.arguments[0]);
  const status = await followLaunch(call, resident, launch);
  if (status !== 130) await printPlaces(call, resident, launch);
  return status;
}
