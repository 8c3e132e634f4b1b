import { describe, expect, it } from 'vitest';
import type { RecordedWrite, SetAccounting } from '../../../probes/recorder.ts';
import { lossesOf } from './written-and-read.ts';

const write = (key: string, endedMs: number, end: RecordedWrite['end'] = 'acknowledged'): RecordedWrite => ({
  key,
  dueMs: endedMs - 10,
  endedMs,
  end,
});
const writes = [write('a', 1_000), write('b', 2_000), write('c', 3_000), write('d', 3_500, 'refused')];
const FAULT_MS = 4_000;

const read: SetAccounting = {
  attempted: 4,
  acknowledged: 3,
  refused: 1,
  unclear: 0,
  read: 3,
  lost: [],
  unexpected: [],
  refusedButRead: [],
  recovered: 0,
  cannotTell: [],
};

describe('what a crash lost', () => {
  it('is exactly nothing where every identity was read back', () => {
    const { lost, point, unexpected } = lossesOf(read, writes, FAULT_MS);
    expect(lost).toMatchObject({ value: 0, interval: [0, 0], n: 3 });
    expect(point).toMatchObject({ value: 0, interval: [0, 0] });
    expect(unexpected).toMatchObject({ value: 0, interval: [0, 0], n: 4 });
  });

  it('may be as much as could not be read back, as old as the oldest of it', () => {
    const { lost, point, note } = lossesOf({ ...read, lost: ['c'], cannotTell: ['a', 'b'] }, writes, FAULT_MS);
    expect(lost).toMatchObject({ value: 1, interval: [1, 3] });
    expect(point).toMatchObject({ value: 1_000, interval: [1_000, 3_000] });
    expect(note).toMatch(/2 acknowledged could not be read back/);
  });

  it('does not grow by an unread write that was refused: that one may be there and should not', () => {
    const { lost, unexpected } = lossesOf({ ...read, cannotTell: ['d'] }, writes, FAULT_MS);
    expect(lost).toMatchObject({ interval: [0, 0] });
    expect(unexpected).toMatchObject({ value: 0, interval: [0, 1] });
  });
});
