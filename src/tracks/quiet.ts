import type { Quietness } from '../evidence/measurement.ts';
import type { Disturbance, Reading } from '../probes/pressure.ts';
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
  return { result, quietness: quietnessOf(disturbance(before, await samplePressure())) };
}

/**
 * A machine whose kernel does not tell one of them counts as quiet, or no launch could pass there. What was not told is
 * kept with the measurement, so that nobody takes silence for calm.
 */
export function quietnessOf({ steal, stalled, busy }: Pick<Disturbance, 'steal' | 'stalled' | 'busy'>): Quietness {
  const reasons = [
    ...above(steal, MOST_STEAL, 'of the CPU went to other machines on the same hardware'),
    ...above(stalled.memory, MOST_MEMORY_STALL, 'of the time something waited for memory'),
  ];
  if (reasons.length > 0) return { kind: 'disturbed', reason: reasons.join('; ') };
  const untold = [...unknown(steal, 'steal'), ...unknown(stalled.memory, 'waiting for memory')];
  const seen = `busy ${text(busy)}, steal ${text(steal)}, waiting for cpu ${text(stalled.cpu)}, io ${text(stalled.io)}, memory ${text(stalled.memory)}`;
  return {
    kind: 'quiet',
    pressure: untold.length === 0 ? seen : `pressure not told by this kernel: ${untold.join(', ')}; ${seen}`,
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const text = (reading: Reading): string => (reading.kind === 'known' ? percent(reading.value) : 'not told');

function above(reading: Reading, most: number, what: string): string[] {
  return reading.kind === 'known' && reading.value > most ? [`${percent(reading.value)} ${what}`] : [];
}

const unknown = (reading: Reading, what: string): string[] =>
  reading.kind === 'known' ? [] : [`${what} (${reading.reason})`];
