import { problemOf } from '../../evidence/problem.ts';
import { type FromAgent, packed, type ToAgent, unpacked } from '../../hosts/ssh/wire.ts';
import type { Asked } from './carry-out.ts';

/** Lines of one command that are kept for whoever comes back; of more than these the caller missed the first. */
const KEPT_LINES = 10_000;
/** A caller that does not come back within this time is taken for dead. */
const KEPT_MS = 30 * 60_000;

type Listener = (message: FromAgent) => void;

type Kept = {
  readonly cancel: AbortController;
  readonly listeners: Set<Listener>;
  readonly lines: string[];
  firstLine: number;
  end: { readonly message: FromAgent; readonly at: number } | undefined;
};

/**
 * Calls by the ids that their callers chose. Each is carried out once: whoever asks again is told what there is so far,
 * and the end when it comes. An end is kept until its caller says that it has it.
 */
export class Calls {
  readonly #kept = new Map<string, Kept>();
  readonly #carryOut: (asked: Asked) => Promise<unknown>;

  constructor(carryOut: (asked: Asked) => Promise<unknown>) {
    this.#carryOut = carryOut;
  }

  get running(): number {
    return [...this.#kept.values()].filter(({ end }) => end === undefined).length;
  }

  hear(message: Exclude<ToAgent, { readonly kind: 'ping' | 'retire' }>, listener: Listener): void {
    if (message.kind === 'call') this.#ask(message, listener);
    else if (message.kind === 'cancel') this.#kept.get(message.id)?.cancel.abort();
    else this.#kept.delete(message.id);
  }

  /** A connection is gone: its calls go on. */
  leave(listener: Listener): void {
    for (const kept of this.#kept.values()) kept.listeners.delete(listener);
  }

  #ask(message: Extract<ToAgent, { readonly kind: 'call' }>, listener: Listener): void {
    const { id } = message;
    const known = this.#kept.get(id);
    if (known === undefined) {
      this.#begin(message, listener);
      return;
    }
    for (const [at, text] of known.lines.entries()) listener({ kind: 'line', id, number: known.firstLine + at, text });
    if (known.end === undefined) known.listeners.add(listener);
    else listener(known.end.message);
  }

  #begin({ id, target, method, input }: Extract<ToAgent, { readonly kind: 'call' }>, listener: Listener): void {
    this.#dropOld();
    const kept: Kept = {
      cancel: new AbortController(),
      listeners: new Set([listener]),
      lines: [],
      firstLine: 0,
      end: undefined,
    };
    this.#kept.set(id, kept);
    const tell = (message: FromAgent) => {
      for (const each of kept.listeners) each(message);
    };
    const onLine = (text: string) => {
      tell({ kind: 'line', id, number: kept.firstLine + kept.lines.length, text });
      kept.lines.push(text);
      if (kept.lines.length <= KEPT_LINES) return;
      kept.lines.shift();
      kept.firstLine++;
    };
    const words = unpacked(input);
    const asked = { target, method, input: Array.isArray(words) ? words : [], signal: kept.cancel.signal, onLine };
    const ended = (message: FromAgent) => {
      kept.end = { message, at: performance.now() };
      tell(message);
      kept.listeners.clear();
    };
    this.#carryOut(asked).then(
      (value) => ended({ kind: 'result', id, value: packed(value) }),
      (thrown: unknown) => ended({ kind: 'problem', id, problem: packed(problemOf(thrown)) }),
    );
  }

  #dropOld(): void {
    const old = performance.now() - KEPT_MS;
    for (const [id, { end }] of this.#kept) if (end !== undefined && end.at < old) this.#kept.delete(id);
  }
}
