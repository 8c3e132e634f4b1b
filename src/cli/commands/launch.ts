import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { followLaunch } from '../follow-launch.ts';
import { givenApp } from '../given-app.ts';
import { launchRequest } from '../launch-request.ts';
import { printPlaces } from '../live-places.ts';
import { prepareHost } from '../prepare-host.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const request = await launchRequest(call);
  const app = await givenApp(call);
  await prepareHost(call, app);
  const resident = await connect(call, 'start');
  const launch = await resident.launch(request);
  if (!call.options.given('detach')) {
    const status = await followLaunch(call, resident, launch);
    if (status !== 130) await printPlaces(call, resident, launch);
    return status;
  }
  if (call.out.json) call.out.line(JSON.stringify({ kind: 'launched', launch }));
  else call.out.line(`${launch} has begun; \`${call.prefix} attach ${launch}\` follows it.`);
  return 0;
}
