import type { RecordedWrite, Recording } from './recorder.ts';

/** Milliseconds since the recording began, and durations in milliseconds. */
export type RecoveryTime =
  | {
      readonly kind: 'recovered';
      /** When the first write after the fault that was not acknowledged was due. */
      readonly outageFromMs: number;
      /** When the first of the consecutive acknowledged writes was acknowledged. */
      readonly recoveredAtMs: number;
      /** The recovery time: from `outageFromMs` to `recoveredAtMs`. */
      readonly recoveryMs: number;
      /**
       * The service failed at some time between the last acknowledged write and the end of the first that was not, and came
       * back between the last that was not and the first that was: the writes' spacing bounds what can be known.
       */
      readonly low: number;
      readonly high: number;
      /** From the fault itself to `recoveredAtMs`. */
      readonly sinceFaultMs: number;
      readonly notAcknowledged: number;
    }
  | {
      /** Every write after the fault was acknowledged: at this rate nobody saw an outage. Not the same as a recovery in 0 s. */
      readonly kind: 'no outage seen';
      readonly writesAfterFault: number;
      /** The longest that any of them took: a stall that is no outage shows here. */
      readonly slowestMs: number;
    }
  | { readonly kind: 'not recovered'; readonly outageFromMs: number; readonly observedForMs: number }
  | { readonly kind: 'cannot tell'; readonly reason: string };

/** So many acknowledged writes in a row, in the order in which they were due, count as recovered. */
export const CONSECUTIVE_SUCCESSES = 10;

/**
 * The recovery time as the recorder's own timeline shows it: from the first write after the fault that was not acknowledged
 * to the first acknowledged one that begins `consecutive` acknowledged writes in a row.
 * @param faultMs when the fault was made, on the recorder's scale
 */
export function recoveryTime(
  { writes }: Recording,
  faultMs: number,
  consecutive: number = CONSECUTIVE_SUCCESSES,
): RecoveryTime {
  const before = writes.filter((write) => write.endedMs <= faultMs);
  const trouble = before.slice(-consecutive).filter(({ end }) => end !== 'acknowledged').length;
  if (before.length < consecutive || trouble > 0) {
    const reason = `there was no steady state before the fault: ${before.length} writes, ${trouble} of the last ${consecutive} not acknowledged`;
    return { kind: 'cannot tell', reason };
  }
  // A write that was under way when the fault came belongs to what follows it.
  const after = writes.filter((write) => write.endedMs > faultMs);
  if (after.length < consecutive)
    return {
      kind: 'cannot tell',
      reason: `only ${after.length} writes ended after the fault; ${consecutive} are needed`,
    };
  const firstBad = after.findIndex(({ end }) => end !== 'acknowledged');
  const bad = after[firstBad];
  if (bad === undefined)
    return {
      kind: 'no outage seen',
      writesAfterFault: after.length,
      slowestMs: Math.max(...after.map((write) => write.endedMs - write.dueMs)),
    };
  const start = startOfRun(after, firstBad, consecutive);
  const first = after[start];
  const last = after.at(-1) ?? bad;
  if (first === undefined)
    return { kind: 'not recovered', outageFromMs: bad.dueMs, observedForMs: last.endedMs - bad.dueMs };
  const lastGoodMs = (after[firstBad - 1] ?? before.at(-1))?.dueMs ?? bad.dueMs;
  const lastBadMs = after[start - 1]?.dueMs ?? bad.dueMs;
  return {
    kind: 'recovered',
    outageFromMs: bad.dueMs,
    recoveredAtMs: first.endedMs,
    recoveryMs: first.endedMs - bad.dueMs,
    low: Math.max(0, lastBadMs - bad.endedMs),
    high: first.endedMs - lastGoodMs,
    sinceFaultMs: first.endedMs - faultMs,
    notAcknowledged: after.slice(firstBad, start).filter(({ end }) => end !== 'acknowledged').length,
  };
}

function startOfRun(writes: readonly RecordedWrite[], from: number, length: number): number {
  let run = 0;
  for (let index = from; index < writes.length; index += 1) {
    run = writes[index]?.end === 'acknowledged' ? run + 1 : 0;
    if (run === length) return index - length + 1;
  }
  return writes.length;
}
