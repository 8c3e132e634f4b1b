import type { Call, ExitStatus } from '../command.ts';
import { decide } from '../decide.ts';
import { wanted } from '../person.ts';

export const run = (call: Call): Promise<ExitStatus> =>
  decide(call, call.options.text('launch'), {
    kind: 'waive',
    step: call.arguments[0] ?? '',
    by: wanted(call, 'by', 'a waiver is a named person’s decision'),
    reason: wanted(call, 'reason', 'a waiver without a reason cannot be judged by whoever reads it later'),
  });
