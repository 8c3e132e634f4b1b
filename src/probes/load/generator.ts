import { readFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { errorText } from '../exchange.ts';
import { fill, lazyValues } from '../template.ts';
import { LoadConnections as Connections, type RequestEnd } from './connections.ts';
import { HISTOGRAM_RELATIVE_RESOLUTION, LatencyHistogram } from './latency.ts';
import { CoarseTimer, type LoadTimer, PreciseTimer, TIMER_MS } from './load-timer.ts';
import { type LoadPlan, type LoadRequest, mixer, planFaults } from './plan.ts';
import type { GeneratorState, LoadConnections, LoadRate, LoadResult } from './result.ts';
import { type SecondOfLoad, SecondsOfLoad, Tally } from './tally.ts';

export interface LoadOptions {
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Called for each second of the measured part once all of its requests have ended. */
  readonly onSecond?: (second: SecondOfLoad) => void;
}

/** `not run`: no request was sent. */
export type LoadOutcome =
  | { readonly kind: 'ran'; readonly result: LoadResult }
  | { readonly kind: 'not run'; readonly reason: string };

/**
 * Requests a second. From there on several are due between two ticks of a timer anyway, and a second thread that wakes for
 * each of them takes the cores from the server: measured at 1,000/s on 2 cores, it made P99 after a stall 2 % too long.
 */
const PRECISE_BELOW = 500;
/** Requests sent in one go when the generator is behind; then answers get their turn, lest they be stamped late. */
const BURST = 64;
/** A generator whose own delay is larger than this for 1 % of the requests measures itself. */
const OWN_DELAY_LIMIT_MS = 10;

/**
 * Sends requests at a fixed rate, whether or not earlier ones were answered (open loop), from this process.
 * Request i is due at start + i/rate, and its latency counts from then, however late it was really sent, so that a stall
 * of the server hides nothing (no coordinated omission; G. Tene, "How NOT to Measure Latency"). Nothing is ever sent again.
 * Resolves when every request has ended; an abort stops sending and cuts those on the way.
 */
export async function generateLoad(plan: LoadPlan, options: LoadOptions = {}): Promise<LoadOutcome> {
  const faults = planFaults(plan);
  if (faults.length > 0) return { kind: 'not run', reason: faults.join('; ') };
  let ca: string | undefined;
  try {
    if (plan.caFile !== undefined) ca = await readFile(plan.caFile, 'utf8');
  } catch (error) {
    return { kind: 'not run', reason: `the CA file cannot be read: ${errorText(error)}` };
  }
  const { connections: limit, timeoutMs } = plan;
  const clock = options.clock ?? systemClock;
  const baseUrl = new URL(plan.baseUrl);
  const timer = plan.ratePerSecond < PRECISE_BELOW ? new PreciseTimer() : new CoarseTimer();
  const pool = new Connections({ baseUrl, limit, timeoutMs, clock, ...(ca === undefined ? {} : { ca }) });
  try {
    const run = new LoadRun(plan, pool, timer, clock, options.onSecond ?? (() => {}));
    return { kind: 'ran', result: await run.complete(options.signal) };
  } finally {
    pool.close();
    await timer.close();
  }
}

class LoadRun {
  readonly #plan: LoadPlan;
  readonly #pool: Connections;
  readonly #timer: LoadTimer;
  readonly #clock: Clock;
  readonly #next: () => WireRequest;
  readonly #planned: number;
  readonly #warmUpRequests: number;
  readonly #warmUp = new Tally();
  readonly #measured = new Tally();
  readonly #byRequest: ReadonlyMap<string, Tally>;
  readonly #seconds: SecondsOfLoad;
  readonly #ownDelay = new LatencyHistogram();
  readonly #connectionWait = new LatencyHistogram();
  #startMs = 0;
  #sent = 0;
  #sentInTime = 0;
  #answeredInTime = 0;
  #waited = 0;
  #ended = 0;

  constructor(
    plan: LoadPlan,
    pool: Connections,
    timer: LoadTimer,
    clock: Clock,
    onSecond: (second: SecondOfLoad) => void,
  ) {
    this.#plan = plan;
    this.#pool = pool;
    this.#timer = timer;
    this.#clock = clock;
    this.#next = mixer(plan.requests.map((request) => wireRequest(request, new URL(plan.baseUrl))));
    const dueBefore = (ms: number) => Math.ceil((ms * plan.ratePerSecond) / 1000 - 1e-9);
    this.#warmUpRequests = dueBefore(plan.warmUpMs);
    this.#planned = dueBefore(plan.warmUpMs + plan.durationMs);
    this.#byRequest = new Map(plan.requests.map(({ name }) => [name, new Tally()]));
    const inSeconds = new Map<number, number>();
    const plannedIn = (second: number) => {
      let planned = inSeconds.get(second);
      if (planned === undefined) {
        const due = (s: number) => Math.min(this.#planned, dueBefore(plan.warmUpMs + s * 1000));
        planned = due(second + 1) - due(second);
        inSeconds.set(second, planned);
      }
      return planned;
    };
    this.#seconds = new SecondsOfLoad(plannedIn, (second) => {
      inSeconds.delete(second.second);
      onSecond(second);
    });
  }

  async complete(signal: AbortSignal | undefined): Promise<LoadResult> {
    const startedWallMs = this.#clock.wallMs();
    const cpuBefore = process.cpuUsage();
    this.#startMs = this.#clock.monotonicMs();
    const ended = await this.#sendAll(signal);
    const elapsedMs = this.#clock.monotonicMs() - this.#startMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuShare = (user + system) / 1000 / Math.max(elapsedMs, 1);
    return this.#result(new Date(startedWallMs).toISOString(), ended, cpuShare);
  }

  #sendAll(signal: AbortSignal | undefined): Promise<LoadResult['ended']> {
    return new Promise((resolve) => {
      let ended: LoadResult['ended'] = { kind: 'complete' };
      const finishIfDone = () => {
        const allSent = this.#sent === this.#planned || ended.kind === 'aborted';
        if (!allSent || this.#ended < this.#sent) return;
        signal?.removeEventListener('abort', abort);
        resolve(ended);
      };
      const tick = () => {
        if (ended.kind === 'aborted') return;
        const nextDueMs = this.#sendDue(finishIfDone);
        if (nextDueMs === 'all sent') return;
        const waitMs = nextDueMs - this.#clock.monotonicMs();
        if (waitMs <= 0) setImmediate(tick);
        else this.#timer.in(waitMs, tick);
      };
      const abort = () => {
        if (ended.kind === 'aborted') return;
        ended = { kind: 'aborted', afterMs: this.#clock.monotonicMs() - this.#startMs };
        this.#timer.clear();
        this.#pool.abort();
        finishIfDone();
      };
      if (signal?.aborted === true) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      tick();
    });
  }

  /** Sends what is due, at most a burst of it. Returns when the next request is due. */
  #sendDue(onEnd: () => void): number | 'all sent' {
    const nowMs = this.#clock.monotonicMs();
    for (let burst = 0; burst < BURST && this.#sent < this.#planned; burst += 1) {
      const dueMs = this.#dueMs(this.#sent);
      if (dueMs > nowMs) return dueMs;
      this.#sendOne(this.#sent, dueMs, onEnd);
      this.#sent += 1;
    }
    return this.#sent < this.#planned ? this.#dueMs(this.#sent) : 'all sent';
  }

  #dueMs(sequence: number): number {
    return this.#startMs + (sequence * 1000) / this.#plan.ratePerSecond;
  }

  #sendOne(sequence: number, dueMs: number, onEnd: () => void): void {
    const template = this.#next();
    const isWarmUp = sequence < this.#warmUpRequests;
    this.#pool.send(template.method, template.bytes(sequence), (end) => {
      this.#ended += 1;
      if (isWarmUp) this.#warmUp.record(end, dueMs);
      else this.#record(template.name, end, dueMs);
      onEnd();
    });
  }

  #record(name: string, request: RequestEnd, dueMs: number): void {
    const measuredFromMs = this.#startMs + this.#plan.warmUpMs;
    const measuredToMs = measuredFromMs + this.#plan.durationMs;
    const { startedMs, sentMs, endedMs } = request.timing;
    this.#measured.record(request, dueMs);
    this.#byRequest.get(name)?.record(request, dueMs);
    // A due time that falls on a full second may lie a rounding error before it.
    this.#seconds.record(Math.floor((dueMs - measuredFromMs) / 1000 + 1e-6), request, dueMs);
    this.#ownDelay.record(startedMs - dueMs);
    if (sentMs !== undefined) {
      this.#connectionWait.record(sentMs - startedMs);
      if (sentMs - startedMs > TIMER_MS) this.#waited += 1;
      if (sentMs <= measuredToMs + TIMER_MS) this.#sentInTime += 1;
    }
    if (request.end === 'answered' && endedMs <= measuredToMs) this.#answeredInTime += 1;
  }

  #result(startedAt: string, ended: LoadResult['ended'], cpuShare: number): LoadResult {
    const generator: GeneratorState = {
      delayP95Ms: this.#ownDelay.valueAt(0.95),
      delayP99Ms: this.#ownDelay.valueAt(0.99),
      delayMaxMs: this.#ownDelay.valueAt(1),
      cpuShare,
      niceness: getPriority(),
    };
    const ownDelayMs = generator.delayP99Ms === 'none' ? 0 : generator.delayP99Ms;
    const { baseUrl, ratePerSecond, durationMs, warmUpMs, connections, timeoutMs } = this.#plan;
    const mix = this.#plan.requests.map(({ name, weight, method, path }) => ({ name, weight, method, path }));
    return {
      startedAt,
      ended,
      asked: { baseUrl, mix, ratePerSecond, durationMs, warmUpMs, connections, timeoutMs },
      warmUp: this.#warmUp.counts(),
      measured: this.#measured.total(ownDelayMs),
      byRequest: Object.fromEntries([...this.#byRequest].map(([name, tally]) => [name, tally.total(ownDelayMs)])),
      rate: this.#rate(ended),
      connections: this.#connections(),
      generator,
      saturated: this.#saturation(ownDelayMs),
      resolution: { timerMs: TIMER_MS, histogram: HISTOGRAM_RELATIVE_RESOLUTION },
      series: this.#seconds.finish(),
    };
  }

  #measuredSeconds(ended: LoadResult['ended']): number {
    const { durationMs, warmUpMs } = this.#plan;
    const ms = ended.kind === 'complete' ? durationMs : Math.min(durationMs, Math.max(0, ended.afterMs - warmUpMs));
    return ms / 1000;
  }

  #rate(ended: LoadResult['ended']): LoadRate {
    const seconds = this.#measuredSeconds(ended);
    const perSecond = (n: number) => (seconds === 0 ? 0 : n / seconds);
    return {
      asked: this.#plan.ratePerSecond,
      sent: perSecond(this.#sentInTime),
      answered: {
        value: perSecond(this.#measured.answered),
        low: perSecond(this.#answeredInTime),
        high: perSecond(this.#measured.answered),
      },
    };
  }

  #connections(): LoadConnections {
    return {
      opened: this.#pool.opened,
      waited: this.#waited,
      waitP99Ms: this.#connectionWait.valueAt(0.99),
      waitMaxMs: this.#connectionWait.valueAt(1),
    };
  }

  #saturation(ownDelayP99Ms: number): LoadResult['saturated'] {
    if (ownDelayP99Ms <= OWN_DELAY_LIMIT_MS) return { kind: 'none' };
    const late = ownDelayP99Ms.toFixed(1);
    const reason = `1 % of the requests were sent ${late} ms late or later (limit ${OWN_DELAY_LIMIT_MS} ms): the generator's machine was too busy`;
    return { kind: 'saturated', reason };
  }
}

interface WireRequest {
  readonly name: string;
  readonly weight: number;
  readonly method: string;
  bytes(sequence: number): string | Buffer;
}

/** The request as bytes; made once when nothing in it changes from one to the next. */
function wireRequest({ name, weight, method, path, headers = {}, body }: LoadRequest, baseUrl: URL): WireRequest {
  const fields: Record<string, string> = { host: baseUrl.host };
  for (const [field, value] of Object.entries(headers)) fields[field.toLowerCase()] = value;
  const lines = Object.entries(fields).map(([field, value]) => `${field}: ${value}\r\n`);
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join('')}`;
  const render = (sequence: number) => {
    const values = lazyValues(sequence);
    if (body === undefined) return `${fill(head, values)}\r\n`;
    const text = fill(body, values);
    return `${fill(head, values)}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
  };
  const isConstant = !`${head}${body ?? ''}`.includes('{{');
  const constant = isConstant ? Buffer.from(render(0)) : undefined;
  return { name, weight, method, bytes: (sequence) => constant ?? render(sequence) };
}
