import type { Call, ExitStatus } from '../command.ts';
import { decide } from '../decide.ts';
import { byName } from '../person.ts';

export const run = (call: Call): Promise<ExitStatus> =>
  decide(call, call.options.text('launch'), {
    kind: 'retry',
    step: call.arguments[0] ?? '',
    by: byName(call),
  });
