import { setTimeout as pause } from 'node:timers/promises';
import type { ResidentClient } from '../../server/client.ts';
import type { Call, ExitStatus } from '../command.ts';
import { decide } from '../decide.ts';
import { byName } from '../person.ts';

export const run = (call: Call): Promise<ExitStatus> =>
  decide(
    call,
    call.arguments[0],
    { kind: 'abort', by: byName(call), reason: call.options.text('reason') ?? 'no reason given' },
    (resident, launch) => untilClosed(call, resident, launch),
  );

/** A step that was interrupted first undoes what it did; this long it is waited for. */
const CLOSES_WITHIN_MS = 30_000;

/** So that what comes next, mostly `down` or `destroy`, finds no open launch. */
async function untilClosed(call: Call, resident: ResidentClient, launch: string): Promise<void> {
  for (const end = Date.now() + CLOSES_WITHIN_MS; (await resident.view(launch)).isOpen; await pause(200))
    if (Date.now() > end) {
      call.out.remark(`A step of it is still on its way to its end: \`${call.prefix} attach ${launch}\` follows it.`);
      return;
    }
}
