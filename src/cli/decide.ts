import type { DecisionRequest } from '../engine/decision-request.ts';
import type { ResidentClient } from '../server/client.ts';
import type { Call, ExitStatus } from './command.ts';
import { connect } from './connect.ts';
import { decisionText } from './event-line.ts';
import { whichLaunch } from './which-launch.ts';

/** Hands a person's decision to the launch that it is about and prints it as it was written down. */
export async function decide(
  call: Call,
  named: string | undefined,
  request: DecisionRequest,
  after: (resident: ResidentClient, launch: string) => Promise<void> = async () => {},
): Promise<ExitStatus> {
  const resident = await connect(call, 'where-state-is');
  const { launch } = await whichLaunch(call, resident, named);
  const decision = await resident.decide(launch, request);
  if (call.out.json) call.out.line(JSON.stringify({ kind: 'decided', launch, decision }));
  else {
    call.out.line(`${launch}: ${decisionText(decision)}`);
    if (decision.kind !== 'abort') call.out.line(`\`${call.prefix} attach\` follows the launch.`);
  }
  await after(resident, launch);
  return 0;
}
