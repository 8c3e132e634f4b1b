import { describe, expect, it } from 'vitest';
import type { HttpExpectation } from '../../../config/app.ts';
import type { Exchange } from '../../../probes/exchange.ts';
import { blind, isSameProcess, lookOf, type Seen, stuck } from './readiness.ts';

const asked: HttpExpectation = {
  name: 'readiness',
  method: 'GET',
  path: '/readyz',
  headers: {},
  body: undefined,
  status: 200,
  contentType: undefined,
  contains: undefined,
};
const ended = { timing: { startedMs: 0, endedMs: 1 }, reusedConnection: false };
const answered = (status: number): Exchange => ({
  ...ended,
  end: 'answered',
  status,
  headers: {},
  body: Buffer.alloc(0),
  bodyBytes: 0,
});

const seen = (look: Seen['look'], restarted = false): Seen => ({ name: 'office', look, restarted });

describe('a look at readiness', () => {
  it('reads an answer', () => {
    expect(lookOf(answered(200), asked)).toBe('ready');
    expect(lookOf(answered(503), asked)).toBe('not ready');
  });

  it('takes a request that hangs for not ready: the check waits for the database', () => {
    expect(lookOf({ ...ended, end: 'unclear', reason: 'no answer in time', detail: '' }, asked)).toBe('not ready');
  });

  it('takes a process that is not there for no word at all', () => {
    expect(lookOf({ ...ended, end: 'failed', reason: 'connection refused', detail: '' }, asked)).toBe('silent');
    expect(lookOf({ ...ended, end: 'unclear', reason: 'connection closed before the answer', detail: '' }, asked)).toBe(
      'silent',
    );
  });
});

describe('readiness without the database', () => {
  it('is seen by an answer of the process that ran before', () => {
    expect(blind([seen('not ready')]).observed).toMatchObject({ value: 0, interval: [0, 0], n: 1 });
    expect(blind([seen('ready')]).observed).toMatchObject({ value: 1, interval: [1, 1] });
  });

  it('is not seen where the process ended, whether or not its successor says that it is not ready', () => {
    expect(blind([seen('silent', true)]).observed).toMatchObject({ kind: 'absent' });
    expect(blind([seen('not ready', true)]).observed).toMatchObject({ kind: 'absent' });
  });

  it('is blind where a successor says that it is ready', () => {
    expect(blind([seen('ready', true)]).observed).toMatchObject({ value: 1 });
  });

  it('counts what is certain and leaves the rest open', () => {
    expect(blind([seen('ready'), seen('silent')]).observed).toMatchObject({ value: 1, interval: [1, 2], n: 2 });
  });
});

describe('readiness with the database again', () => {
  it('has come back by itself only in the same process', () => {
    expect(stuck([seen('ready')]).observed).toMatchObject({ value: 0, interval: [0, 0] });
    expect(stuck([seen('ready', true)]).observed).toMatchObject({ kind: 'absent' });
    expect(stuck([seen('not ready')]).observed).toMatchObject({ value: 1 });
    expect(stuck([seen('silent')]).observed).toMatchObject({ value: 1 });
  });
});

describe('the same process', () => {
  const running = { kind: 'running', pid: 7, restarts: 0 } as const;
  it('has its pid and was not started again', () => {
    expect(isSameProcess(running, { ...running })).toBe(true);
    expect(isSameProcess(running, { ...running, pid: 8 })).toBe(false);
    expect(isSameProcess(running, { ...running, restarts: 1 })).toBe(false);
    expect(isSameProcess(running, { kind: 'failed', exit: 'status 1', restarts: 0 })).toBe(false);
    expect(isSameProcess(undefined, undefined)).toBe(false);
  });
});
