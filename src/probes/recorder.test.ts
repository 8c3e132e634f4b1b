import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Recorder,
  type RecorderTarget,
  type Recording,
  readBack,
  recorderTarget,
  startRecorder,
} from './recorder.ts';
import { recoveryTime } from './recovery-time.ts';

/** A small store over HTTP whose behaviour a test changes as it runs. */
type Mood =
  | 'sound'
  | 'commits and cuts'
  | 'answers 500 and commits'
  | 'refuses with 409'
  | 'acknowledges and forgets'
  | 'down';

let mood: Mood;
let rows: Set<string>;
let server: Server;
let baseUrl: string;

beforeEach(async () => {
  mood = 'sound';
  rows = new Set();
  server = createServer((request, response) => {
    const key = request.url?.split('/')[2] ?? '';
    if (mood === 'down') return void request.socket.destroy();
    if (request.method === 'GET') {
      const found = rows.has(key);
      return void response
        .writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ key, found }));
    }
    request.resume().on('end', () => {
      if (mood !== 'refuses with 409' && mood !== 'acknowledges and forgets') rows.add(key);
      if (mood === 'commits and cuts') return void request.socket.destroy();
      const status = mood === 'answers 500 and commits' ? 500 : mood === 'refuses with 409' ? 409 : 201;
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const target: RecorderTarget = recorderTarget({
  write: {
    method: 'PUT',
    path: '/rows/{{key}}',
    headers: { 'content-type': 'application/json' },
    body: '{"n":{{sequence}}}',
  },
  read: { method: 'GET', path: '/rows/{{key}}' },
  found: { status: 200, body: { json: { found: true } } },
  absent: { status: 404, body: { json: { found: false } } },
});

const record = (overrides: Partial<Parameters<typeof startRecorder>[0]> = {}) =>
  startRecorder({ baseUrl, target, ratePerSecond: 200, timeoutMs: 20_000, ...overrides });

const returned = async () => ({ kind: 'returned' }) as const;
const reading = (recording: Recording, steadyState: Parameters<typeof readBack>[1]['steadyState'] = returned) =>
  readBack(recording, { baseUrl, target, timeoutMs: 20_000, steadyState });

/** Waits until `n` more writes have ended than had before. */
async function writesEnd(recorder: Recorder, n: number): Promise<void> {
  const until = recorder.ended().length + n;
  while (recorder.ended().length < until) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function recordIn(moods: readonly Mood[]): Promise<Recording> {
  const recorder = record();
  for (const next of moods) {
    mood = next;
    await writesEnd(recorder, 20);
  }
  const recording = await recorder.stop();
  mood = 'sound';
  return recording;
}

const ends = ({ writes }: Recording) => new Set(writes.map(({ end }) => end));

describe('a write of the recorder', () => {
  it('that a whole 2xx answers is acknowledged, each under an identity of its own', async () => {
    const recording = await recordIn(['sound']);
    expect(ends(recording)).toEqual(new Set(['acknowledged']));
    expect(rows).toEqual(new Set(recording.writes.map(({ key }) => key)));
    expect(recording.writes.length).toBe(rows.size);
  });

  it.each([
    ['commits and cuts', 'unclear'],
    ['answers 500 and commits', 'unclear'],
    ['refuses with 409', 'refused'],
    ['down', 'unclear'],
  ] as const)('to a server that %s is %s', async (behaviour, end) => {
    expect(ends(await recordIn([behaviour]))).toEqual(new Set([end]));
  });

  it('to a closed port is refused, for it never left', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const recorder = record({ baseUrl: `http://127.0.0.1:${port}` });
    await writesEnd(recorder, 5);
    expect(ends(await recorder.stop())).toEqual(new Set(['refused']));
  });

  it('with a 5xx that the description declares as refusing is refused', () => {
    const data = {
      write: { method: 'PUT', path: '/' },
      read: { method: 'GET', path: '/' },
      found: { status: 200 },
      absent: { status: 404 },
    };
    expect(recorderTarget({ ...data, refusedStatuses: [503] }).refuses(503)).toBe(true);
    expect(recorderTarget(data).refuses(503)).toBe(false);
    expect(recorderTarget(data).refuses(408)).toBe(false);
  });
});

describe('reading back', () => {
  it('counts as Jepsen does: acknowledged, read, lost, recovered', async () => {
    const recording = await recordIn(['sound', 'commits and cuts', 'acknowledges and forgets', 'refuses with 409']);
    const result = await reading(recording);
    if (result.kind === 'cannot tell') throw new Error(result.reason);
    const { accounting } = result;
    const forgotten = recording.writes
      .filter(({ key, end }) => end === 'acknowledged' && !rows.has(key))
      .map(({ key }) => key);
    expect(accounting.lost).toEqual(forgotten);
    expect(forgotten.length).toBeGreaterThan(10);
    expect(accounting.recovered).toBe(accounting.unclear);
    expect(accounting.recovered).toBeGreaterThan(10);
    expect(accounting.attempted).toBe(accounting.acknowledged + accounting.refused + accounting.unclear);
    expect(accounting.read).toBe(rows.size);
    expect(accounting).toMatchObject({ unexpected: [], refusedButRead: [], cannotTell: [] });
  });

  it('finds a write that was refused and yet is there', async () => {
    const recording = await recordIn(['refuses with 409']);
    const key = recording.writes[0]?.key ?? '';
    rows.add(key);
    expect(await reading(recording)).toMatchObject({ accounting: { refusedButRead: [key] } });
  });

  it('tells nothing before the steady state has returned', async () => {
    const recording = await recordIn(['sound']);
    const steadyState = async () => ({ kind: 'not returned', reason: 'readiness answers 503' }) as const;
    expect(await reading(recording, steadyState)).toMatchObject({
      kind: 'cannot tell',
      reason: expect.stringContaining('503'),
    });
    expect((await reading(recording, async () => Promise.reject(new Error('no')))).kind).toBe('cannot tell');
  });

  it('tells nothing where identities that were never written are found too, or where no read is answered', async () => {
    const recording = await recordIn(['sound']);
    const gullible = { ...target, found: () => 'found' as const };
    const result = await readBack(recording, { baseUrl, target: gullible, timeoutMs: 1_000, steadyState: returned });
    expect(result.kind).toBe('cannot tell');
    mood = 'down';
    expect((await reading(recording)).kind).toBe('cannot tell');
  });
});

describe('the recovery time, from the recorder alone', () => {
  /** A write each 100 ms that ends 10 ms later; `a` acknowledged, `r` refused, `u` unclear. */
  const timeline = (ends: string): Recording => ({
    startedAt: '2026-01-01T00:00:00.000Z',
    startedWallMs: 0,
    ratePerSecond: 10,
    writes: [...ends].map((letter, index) => ({
      key: String(index),
      dueMs: index * 100,
      endedMs: index * 100 + 10,
      end: letter === 'a' ? 'acknowledged' : letter === 'r' ? 'refused' : 'unclear',
    })),
  });
  const good = 'aaaaaaaaaa';

  it('is from the first write not acknowledged to the first of ten acknowledged in a row, a blip among them not counted', () => {
    const seen = recoveryTime(timeline(`${good}urrrraarr${good}`), 950);
    expect(seen).toEqual({
      kind: 'recovered',
      outageFromMs: 1_000,
      recoveredAtMs: 1_910,
      recoveryMs: 910,
      low: 790,
      high: 1_010,
      sinceFaultMs: 960,
      notAcknowledged: 7,
    });
  });

  it('does not exist where no outage was seen, which is an end of its own', () => {
    expect(recoveryTime(timeline(good + good), 950)).toMatchObject({
      kind: 'no outage seen',
      writesAfterFault: 10,
      slowestMs: 10,
    });
  });

  it('is open where ten in a row never came', () => {
    expect(recoveryTime(timeline(`${good}uuuuuaaaaaaaaa`), 950)).toEqual({
      kind: 'not recovered',
      outageFromMs: 1_000,
      observedForMs: 1_310,
    });
  });

  it('cannot be told without a steady state before the fault, or with too little after it', () => {
    expect(recoveryTime(timeline(`aaaaaaaaar${good}`), 950).kind).toBe('cannot tell');
    expect(recoveryTime(timeline(`aaa${good}`), 250).kind).toBe('cannot tell');
    expect(recoveryTime(timeline(`${good}uaa`), 950).kind).toBe('cannot tell');
  });

  it('comes out of a real outage', async () => {
    const recorder = record();
    await writesEnd(recorder, 20);
    const faultMs = recorder.elapsedMs();
    mood = 'down';
    await writesEnd(recorder, 20);
    mood = 'sound';
    const soundMs = recorder.elapsedMs();
    await writesEnd(recorder, 30);
    const seen = recoveryTime(await recorder.stop(), faultMs);
    if (seen.kind !== 'recovered') throw new Error(seen.kind);
    expect(seen.recoveredAtMs).toBeGreaterThan(faultMs);
    expect(seen.low).toBeLessThanOrEqual(soundMs - faultMs);
    expect(seen.high).toBeGreaterThanOrEqual(seen.recoveryMs);
    expect(seen.notAcknowledged).toBeGreaterThanOrEqual(19);
  });
});
