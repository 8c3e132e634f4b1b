import { setTimeout as sleep } from 'node:timers/promises';
import { disturbance, samplePressure } from '../src/probes/pressure.ts';

/** Share of all cores beyond which other work moves answers of 100 ms by a percent. */
const MOST = 0.05;

/**
 * What else the machine is doing at the moment, while the caller does nothing: a reason why timings of a few milliseconds
 * cannot be told here, or undefined where it is idle.
 */
export async function otherWork(): Promise<string | undefined> {
  const before = await samplePressure();
  await sleep(2_000);
  const { busy, steal } = disturbance(before, await samplePressure());
  if (busy.kind === 'absent') return `nothing tells how busy the machine is: ${busy.reason}`;
  const stolen = steal.kind === 'known' ? steal.value : 0;
  if (busy.value + stolen <= MOST) return undefined;
  return `other work takes ${(100 * (busy.value + stolen)).toFixed(0)} % of all cores`;
}
