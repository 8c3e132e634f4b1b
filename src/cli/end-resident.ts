import { setTimeout as sleep } from 'node:timers/promises';
import { fieldOf, type Json } from '../engine/request.ts';
import { fail } from '../evidence/problem.ts';
import type { ResidentClient } from '../server/client.ts';
import { isAlive } from '../server/process-facts.ts';
import type { Call } from './command.ts';

/** An environment is not taken away from under a launch that works on it. */
export async function refuseWhileLaunching(call: Call, resident: ResidentClient, app: string): Promise<void> {
  const launch = (await resident.launches()).find((each) => each.isOpen && each.app === app)?.launch;
  if (launch === undefined) return;
  fail({
    kind: 'conflict',
    what: `the launch ${launch} is open`,
    next: `\`${call.prefix} abort\` ends it; \`${call.prefix} attach ${launch}\` shows what it does`,
  });
}

/** The resident process and its database end by themselves in so much time. */
const ENDS_WITHIN_MS = 40_000;

/** Ends the resident process where no unit of the app and no launch is left that it would look after. */
export async function endResidentWhereIdle(
  call: Call,
  resident: ResidentClient,
  app: string,
  result: Json,
): Promise<void> {
  if (fieldOf(result, 'running') !== 0) return;
  const { pid, openLaunches } = await resident.health();
  if (openLaunches.length > 0) return;
  process.kill(pid, 'SIGTERM');
  for (const end = Date.now() + ENDS_WITHIN_MS; isAlive(pid); await sleep(100))
    if (Date.now() > end)
      fail({
        kind: 'host',
        what: 'the resident process does not end',
        where: `pid ${pid}`,
        next: 'read logs/serve.log in the state directory, then end it by that pid',
      });
  call.out.remark(
    `The resident process has ended, too: nothing of ${app} runs any more. The next command starts it again.`,
  );
}
