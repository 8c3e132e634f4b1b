import { describe, expect, it } from 'vitest';
import type { Reading } from '../probes/pressure.ts';
import { quietnessOf } from './quiet.ts';

const known = (value: number): Reading => ({ kind: 'known', value });
const silent: Reading = { kind: 'absent', reason: 'ENOENT' };
const calm = { steal: known(0), busy: known(0.9), stalled: { cpu: known(0.5), io: known(0.2), memory: known(0) } };

describe('whether a machine was quiet', () => {
  it('is not said of one that waits for memory or loses its CPU to others', () => {
    expect(quietnessOf({ ...calm, steal: known(0.06) })).toMatchObject({ kind: 'disturbed' });
    expect(quietnessOf({ ...calm, stalled: { ...calm.stalled, memory: known(0.11) } })).toMatchObject({
      kind: 'disturbed',
    });
  });

  it('is said of one that is busy with its own load', () => {
    expect(quietnessOf(calm)).toEqual({
      kind: 'quiet',
      pressure: 'busy 90.0 %, steal 0.0 %, waiting for cpu 50.0 %, io 20.0 %, memory 0.0 %',
    });
  });

  it('keeps what the kernel did not tell', () => {
    const quietness = quietnessOf({ ...calm, stalled: { cpu: silent, io: silent, memory: silent } });
    expect(quietness).toMatchObject({
      kind: 'quiet',
      pressure: expect.stringMatching(/^pressure not told by this kernel: waiting for memory \(ENOENT\); busy 90/),
    });
  });

  it('is judged by what is told where half is not', () => {
    const stalled = { cpu: silent, io: silent, memory: silent };
    expect(quietnessOf({ ...calm, steal: known(0.2), stalled })).toMatchObject({ kind: 'disturbed' });
  });
});
