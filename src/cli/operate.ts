import { fieldOf, type Json } from '../engine/request.ts';
import type { ResidentClient } from '../server/client.ts';
import type { Call, ExitStatus } from './command.ts';
import { endResidentWhereIdle, refuseWhileLaunching } from './end-resident.ts';
import { byName } from './person.ts';
import { harmless } from './text.ts';

/**
 * Has the resident process do something that is no launch, printing what it says meanwhile and what remains at the end.
 * Its result is `{ lines }`, as people are to read it, beside whatever a program may want.
 */
export async function operate(
  call: Call,
  resident: ResidentClient,
  { app, name, input }: { readonly app: string; readonly name: string; readonly input: Json },
): Promise<ExitStatus> {
  const { out } = call;
  await refuseWhileLaunching(call, resident, app);
  const result = await resident.operate(name, byName(call), input, (line) => {
    if (out.json) out.line(JSON.stringify({ kind: 'progress', operation: name, line }));
    else out.remark(harmless(line));
  });
  if (out.json) out.line(JSON.stringify({ kind: 'done', operation: name, result }));
  else for (const line of linesOf(result)) out.line(harmless(line));
  await endResidentWhereIdle(call, resident, app, result);
  return 0;
}

function linesOf(result: Json): string[] {
  const lines = fieldOf(result, 'lines');
  return Array.isArray(lines) ? lines.filter((line) => typeof line === 'string') : [];
}
