import type { Call, ExitStatus } from '../command.ts';
import { connect } from '../connect.ts';
import { followLaunch } from '../follow-launch.ts';
import { givenApp } from '../given-app.ts';
import { launchRequest } from '../launch-request.ts';
import { prepareHost } from '../prepare-host.ts';

export async function run(call: Call): Promise<ExitStatus> {
  const request = await launchRequest(call);
  await prepareHost(call, await givenApp(call));
  const resident = await connect(call, 'start');
  const launch = await resident.launch(request);
  if (!call.options.given('detach')) return await followLaunch(call, resident, launch);
  if (call.out.json) call.out.line(JSON.stringify({ kind: 'launched', launch }));
  else call.out.line(`${launch} has begun; \`${call.prefix} attach ${launch}\` follows it.`);
  return 0;
}
