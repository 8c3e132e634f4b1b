import type { Observed } from '../../../evidence/measurement.ts';
import type { RecordedWrite, SetAccounting, WriteEnd } from '../../../probes/recorder.ts';

/** What a recording with its reading says of a drill, each with how far it may be off. */
export type Losses = {
  /** Acknowledged writes that are not there; each that could not be read back may be one more. */
  readonly lost: Observed;
  /** Milliseconds from the oldest acknowledged write that is gone to the fault; 0 where none is. */
  readonly point: Observed;
  /** Identities that are there and should not be; each refused write that could not be read back may be one more. */
  readonly unexpected: Observed;
  readonly note: string;
};

/** @param faultMs when the fault happened, on the writes' own scale */
export function lossesOf(accounting: SetAccounting, writes: readonly RecordedWrite[], faultMs: number): Losses {
  const { lost, acknowledged, attempted } = accounting;
  const unread = (end: WriteEnd) => {
    const keys = new Set(accounting.cannotTell);
    return writes.filter((w) => w.end === end && keys.has(w.key)).map((w) => w.key);
  };
  const unreadAcknowledged = unread('acknowledged');
  const unexpected = accounting.unexpected.length + accounting.refusedButRead.length;
  return {
    lost: between(lost.length, lost.length + unreadAcknowledged.length, acknowledged),
    point: between(
      lossAge(lost, writes, faultMs),
      lossAge([...lost, ...unreadAcknowledged], writes, faultMs),
      writes.length,
    ),
    unexpected: between(unexpected, unexpected + unread('refused').length, attempted),
    note: inWords(accounting, unreadAcknowledged.length),
  };
}

const between = (low: number, high: number, n: number): Observed => ({
  kind: 'value',
  value: low,
  interval: [low, high],
  n,
  resolution: 0,
});

function lossAge(gone: readonly string[], writes: readonly RecordedWrite[], faultMs: number): number {
  const keys = new Set(gone);
  return Math.max(0, ...writes.filter((w) => keys.has(w.key)).map((w) => faultMs - w.endedMs));
}

function inWords(a: SetAccounting, unread: number): string {
  const counts = `${a.attempted} attempted: ${a.acknowledged} acknowledged, ${a.refused} refused, ${a.unclear} unclear; ${a.read} read back`;
  return unread === 0 ? counts : `${counts}; ${unread} acknowledged could not be read back and may be lost`;
}
