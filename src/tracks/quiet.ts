import type { Quietness } from '../evidence/measurement.ts';
import type { Reading } from '../probes/pressure.ts';
import { disturbance, samplePressure } from '../probes/pressure.ts';

/**
 * Share of CPU time taken by the hypervisor, and share of time in which something waited for memory, beyond which a
 * timing says more about the neighbours than about the app. Limits of our own choice, not taken from a measurement.
 * Waiting for the CPU or the disk is no sign of a disturbance: the load that is measured causes it.
 */
const MOST_STEAL = 0.05;
const MOST_MEMORY_STALL = 0.1;

/** Runs something that measures time, and says whether the machine was quiet meanwhile. */
export async function quietly<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly quietness: Quietness }> {
  const before = await samplePressure();
  const result = await work();
  const { steal, stalled, busy } = disturbance(before, await samplePressure());
  const reasons = [
    ...above(steal, MOST_STEAL, 'of the CPU went to other machines on the same hardware'),
    ...above(stalled.memory, MOST_MEMORY_STALL, 'of the time something waited for memory'),
  ];
  const pressure = `busy ${text(busy)}, steal ${text(steal)}, waiting for cpu ${text(stalled.cpu)}, io ${text(stalled.io)}, memory ${text(stalled.memory)}`;
  return {
    result,
    quietness: reasons.length > 0 ? { kind: 'disturbed', reason: reasons.join('; ') } : { kind: 'quiet', pressure },
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const text = (reading: Reading): string => (reading.kind === 'known' ? percent(reading.value) : 'not told');

function above(reading: Reading, most: number, what: string): string[] {
  return reading.kind === 'known' && reading.value > most ? [`${percent(reading.value)} ${what}`] : [];
}
