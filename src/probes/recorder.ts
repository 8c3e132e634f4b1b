import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from './clock.ts';
import { type ConnectionPool, type Exchange, errorText, type HttpRequest, openPool } from './exchange.ts';
import { type Expectation, match, observeOver } from './http.ts';
import { fill, type Template } from './template.ts';

/** How the recorder writes and reads one identity through an app's public API. */
export interface RecorderTarget {
  write(key: string, sequence: number): HttpRequest;
  read(key: string): HttpRequest;
  /** What an answer to `read` says about the identity. */
  found(answer: Exchange): 'found' | 'absent' | 'cannot tell';
  /** Whether an answer to `write` that is no 2xx means for certain that nothing was written. */
  refuses(status: number): boolean;
}

/** A `RecorderTarget` as data, so that a configuration file can hold it. Texts are templates with `{{key}}`. */
export interface RecorderTargetData {
  readonly write: RequestTemplate;
  readonly read: RequestTemplate;
  readonly found: Expectation;
  readonly absent: Expectation;
  /**
   * Statuses of a write that mean that nothing was written. All 4xx but 408 by default; a 5xx may come after the commit and
   * is unclear unless it is listed here.
   */
  readonly refusedStatuses?: readonly number[];
}

export interface RequestTemplate {
  readonly method: string;
  readonly path: Template;
  readonly headers?: Readonly<Record<string, Template>>;
  readonly body?: Template;
}

export function recorderTarget(data: RecorderTargetData): RecorderTarget {
  return {
    write: (key, sequence) => filled(data.write, key, sequence),
    read: (key) => filled(data.read, key, 0),
    found: (answer) => {
      const isFound = match(answer, data.found).kind === 'matches';
      const isAbsent = match(answer, data.absent).kind === 'matches';
      if (isFound === isAbsent) return 'cannot tell';
      return isFound ? 'found' : 'absent';
    },
    refuses: (status) => data.refusedStatuses?.includes(status) ?? refusedByDefault(status),
  };
}

/** 408 says that the server did not get the request whole in its time, which a proxy may say of one that it passed on. */
export const refusedByDefault = (status: number) => status >= 400 && status < 500 && status !== 408;

function filled({ method, path, headers, body }: RequestTemplate, key: string, sequence: number): HttpRequest {
  const values = { key, sequence };
  return {
    method,
    path: fill(path, values),
    headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, fill(text, values)])),
    ...(body === undefined ? {} : { body: fill(body, values) }),
  };
}

export type WriteEnd = 'acknowledged' | 'refused' | 'unclear';

/** One write. Times in milliseconds since the recording began. */
export interface RecordedWrite {
  readonly key: string;
  readonly dueMs: number;
  readonly endedMs: number;
  readonly end: WriteEnd;
  /** Of the answer, where there was a whole one. */
  readonly status?: number;
  /** Why it is not acknowledged. */
  readonly reason?: string;
}

export interface Recording {
  /** ISO 8601. */
  readonly startedAt: string;
  /** Unix epoch, in milliseconds: adds up with the writes' times. */
  readonly startedWallMs: number;
  readonly ratePerSecond: number;
  /** In the order in which they were due. */
  readonly writes: readonly RecordedWrite[];
}

export interface RecorderOptions {
  readonly baseUrl: string;
  readonly target: RecorderTarget;
  readonly ratePerSecond: number;
  readonly timeoutMs: number;
  readonly ca?: string;
  readonly clock?: Clock;
}

export interface Recorder {
  /** Milliseconds since the recording began: the scale on which a fault is noted. */
  elapsedMs(): number;
  /** Writes that have ended so far, in the order of their ends. */
  ended(): readonly RecordedWrite[];
  /** Stops writing and waits until each write has ended. */
  stop(): Promise<Recording>;
}

/**
 * Writes at a fixed rate, each with an identity of its own, whether or not earlier writes were answered, until it is stopped.
 * Nothing is written twice. A write ends in one of three ways:
 * acknowledged (a whole 2xx), refused (it certainly did not happen: never sent, or a whole answer that says so), else unclear.
 */
export function startRecorder(options: RecorderOptions): Recorder {
  const clock = options.clock ?? systemClock;
  const periodMs = 1000 / options.ratePerSecond;
  // As many as can be under way at once, so that no write waits for another.
  const connections = Math.ceil((options.ratePerSecond * options.timeoutMs) / 1000) + 1;
  const pool = openPool({
    baseUrl: options.baseUrl,
    connections,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const startMs = clock.monotonicMs();
  const startedWallMs = clock.wallMs();
  const elapsedMs = () => clock.monotonicMs() - startMs;
  const ended: RecordedWrite[] = [];
  const underWay = new Set<Promise<void>>();
  let due = 0;
  let timer: NodeJS.Timeout | undefined;
  const tick = () => {
    while (due * periodMs <= elapsedMs()) {
      const writing = write(pool, options, due, due * periodMs, elapsedMs).then((result) => {
        ended.push(result);
        underWay.delete(writing);
      });
      underWay.add(writing);
      due += 1;
    }
    timer = setTimeout(tick, Math.max(1, due * periodMs - elapsedMs()));
  };
  tick();
  return {
    elapsedMs,
    ended: () => ended,
    stop: async () => {
      clearTimeout(timer);
      await Promise.all(underWay);
      pool.close();
      const writes = ended.toSorted((a, b) => a.dueMs - b.dueMs);
      const startedAt = new Date(startedWallMs).toISOString();
      return { startedAt, startedWallMs, ratePerSecond: options.ratePerSecond, writes };
    },
  };
}

async function write(
  pool: ConnectionPool,
  options: RecorderOptions,
  sequence: number,
  dueMs: number,
  elapsedMs: () => number,
): Promise<RecordedWrite> {
  const key = randomUUID();
  const { exchange } = await observeOver(
    pool,
    { timeoutMs: options.timeoutMs, bodyLimit: 0 },
    options.target.write(key, sequence),
  );
  return { key, dueMs, endedMs: elapsedMs(), ...endOfWrite(exchange, options.target) };
}

export function endOfWrite(
  exchange: Exchange,
  target: Pick<RecorderTarget, 'refuses'>,
): Pick<RecordedWrite, 'end' | 'status' | 'reason'> {
  if (exchange.end === 'failed') return { end: 'refused', reason: exchange.reason };
  if (exchange.end === 'unclear') return { end: 'unclear', reason: exchange.reason };
  const { status } = exchange;
  if (status >= 200 && status < 300) return { end: 'acknowledged', status };
  return { end: target.refuses(status) ? 'refused' : 'unclear', status, reason: `status ${status}` };
}

/** Sets of identities after Jepsen's set checker, as counts, with the keys that need a look. */
export interface SetAccounting {
  readonly attempted: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly unclear: number;
  /** Identities found when reading back. */
  readonly read: number;
  /** Acknowledged and not there. */
  readonly lost: readonly string[];
  /** There and never attempted, among identities made up for this. */
  readonly unexpected: readonly string[];
  /** There although the write was said to be refused: the app's answer was wrong. */
  readonly refusedButRead: readonly string[];
  /** Unclear and there. */
  readonly recovered: number;
  /** Identities whose reading told nothing; while there is one, `lost` is a lower bound. */
  readonly cannotTell: readonly string[];
}

export type ReadBack =
  | { readonly kind: 'read'; readonly accounting: SetAccounting }
  | { readonly kind: 'cannot tell'; readonly reason: string };

export interface ReadBackOptions {
  readonly baseUrl: string;
  readonly target: RecorderTarget;
  readonly timeoutMs: number;
  readonly ca?: string;
  /**
   * Proves that the app has returned to its steady state. Before that an app was seen to answer 404 for rows that exist, so
   * nothing is read until this says `returned`.
   */
  readonly steadyState: () => Promise<
    { readonly kind: 'returned' } | { readonly kind: 'not returned'; readonly reason: string }
  >;
}

const READERS = 8;
const CONTROLS = 5;

/** Reads each attempted identity back, and some that were never written: their absence proves that reading can tell. */
export async function readBack(recording: Recording, options: ReadBackOptions): Promise<ReadBack> {
  if (recording.writes.length === 0) return { kind: 'cannot tell', reason: 'nothing was written' };
  const steady = await options
    .steadyState()
    .catch((error) => ({ kind: 'not returned', reason: errorText(error) }) as const);
  if (steady.kind === 'not returned')
    return { kind: 'cannot tell', reason: `the steady state has not returned: ${steady.reason}` };
  const pool = openPool({
    baseUrl: options.baseUrl,
    connections: READERS,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  try {
    const controls = Array.from({ length: CONTROLS }, () => randomUUID());
    const seen = await readAll(pool, options, [...recording.writes.map(({ key }) => key), ...controls]);
    const unread = controls.filter((key) => seen.get(key) === 'cannot tell');
    if (unread.length > 0)
      return {
        kind: 'cannot tell',
        reason: 'the read of an identity that was never written is not answered as absent',
      };
    const unexpected = controls.filter((key) => seen.get(key) === 'found');
    if (unexpected.length === controls.length)
      return { kind: 'cannot tell', reason: 'identities that were never written are all found: reading tells nothing' };
    return { kind: 'read', accounting: account(recording.writes, seen, unexpected) };
  } finally {
    pool.close();
  }
}

type Seen = ReadonlyMap<string, 'found' | 'absent' | 'cannot tell'>;

async function readAll(pool: ConnectionPool, options: ReadBackOptions, keys: readonly string[]): Promise<Seen> {
  const seen = new Map<string, 'found' | 'absent' | 'cannot tell'>();
  const queue = keys.values();
  const reader = async () => {
    for (const key of queue) {
      const { exchange } = await observeOver(pool, options, options.target.read(key));
      seen.set(key, exchange.end === 'answered' ? options.target.found(exchange) : 'cannot tell');
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return seen;
}

function account(writes: readonly RecordedWrite[], seen: Seen, unexpected: readonly string[]): SetAccounting {
  const keys = (end: WriteEnd, state?: 'found' | 'absent') =>
    writes
      .filter((one) => one.end === end && (state === undefined || seen.get(one.key) === state))
      .map(({ key }) => key);
  return {
    attempted: writes.length,
    acknowledged: keys('acknowledged').length,
    refused: keys('refused').length,
    unclear: keys('unclear').length,
    read: writes.filter(({ key }) => seen.get(key) === 'found').length + unexpected.length,
    lost: keys('acknowledged', 'absent'),
    unexpected,
    refusedButRead: keys('refused', 'found'),
    recovered: keys('unclear', 'found').length,
    cannotTell: writes.filter(({ key }) => seen.get(key) === 'cannot tell').map(({ key }) => key),
  };
}
