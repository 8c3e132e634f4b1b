import type { ResidentClient } from '../server/client.ts';
import type { Call, ExitStatus } from './command.ts';
import { follow } from './follow.ts';
import { launchSource } from './launch-source.ts';

/** Follows a launch until it is settled; Ctrl-C ends the following and not the launch. */
export async function followLaunch(call: Call, resident: ResidentClient, launch: string): Promise<ExitStatus> {
  const interrupted = new AbortController();
  const stop = () => interrupted.abort();
  process.once('SIGINT', stop);
  try {
    return await follow(launchSource(resident, launch), {
      out: call.out,
      prefix: call.prefix,
      interrupted: interrupted.signal,
    });
  } finally {
    process.off('SIGINT', stop);
  }
}
