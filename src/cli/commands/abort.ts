import type { Call, ExitStatus } from '../command.ts';
import { decide } from '../decide.ts';
import { byName } from '../person.ts';

export const run = (call: Call): Promise<ExitStatus> =>
  decide(call, call.arguments[0], {
    kind: 'abort',
    by: byName(call),
    reason: call.options.text('reason') ?? 'no reason given',
  });
