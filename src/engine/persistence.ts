import { setTimeout as pause } from 'node:timers/promises';
import type { Problem } from '../evidence/problem.ts';

const AWAY_ERRNOS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  // The socket of a Postgres that is being started again is not there for a moment.
  'ENOENT',
]);
/** SQLSTATE classes: connection exception, insufficient resources, operator intervention, system error. */
const AWAY_CLASSES = new Set(['08', '53', '57', '58']);
const AWAY_WORDS = /connection terminated|connection error|timeout exceeded when trying to connect|server closed/i;
const FULL = new Set(['ENOSPC', 'EDQUOT', '53100']);

function* chain(thrown: unknown): Generator<Error> {
  for (let at = thrown, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    yield at;
    if (at instanceof AggregateError) for (const inner of at.errors) yield* chain(inner);
  }
}

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '');

/** Whether the thing that was thrown says that a disk is full. */
export const isDiskFull = (thrown: unknown): boolean =>
  [...chain(thrown)].some((error) => FULL.has(codeOf(error)) || /No space left on device/.test(error.message));

/** The disk is full, as a person should read it. */
export const diskFull = (where: string): Problem => ({
  kind: 'host',
  what: 'the disk is full',
  where,
  next: 'free some space',
});

/**
 * Why the ledger cannot be written *at the moment*: its server is away or starting, the disk is full. Undefined where
 * trying again would not help.
 */
export function storeTrouble(thrown: unknown): Problem | undefined {
  if (isDiskFull(thrown)) return { ...diskFull('the ledger'), next: 'free some space; the launch goes on by itself' };
  for (const error of chain(thrown)) {
    const code = codeOf(error);
    const away = AWAY_ERRNOS.has(code) || (code.length === 5 && AWAY_CLASSES.has(code.slice(0, 2)) && code !== '57014');
    if (away || AWAY_WORDS.test(error.message))
      return {
        kind: 'host',
        what: `the ledger's database does not answer: ${error.message}`,
        where: 'the control database',
        next: 'it is tried again; if it stays away, see logs/postgres.log in the state directory',
      };
  }
  return undefined;
}

export type Waiting = {
  /** Ends the waiting, with the last error. */
  readonly signal: AbortSignal;
  down(problem: Problem): void;
  up(): void;
};

const LONGEST_PAUSE = 5_000;

/** Does the work, again and again while the store is away. What would fail each time is thrown at once. */
export async function persistently<Result>(work: () => Promise<Result>, waiting: Waiting): Promise<Result> {
  let down = false;
  for (let wait = 100; ; wait = Math.min(wait * 2, LONGEST_PAUSE)) {
    try {
      const result = await work();
      if (down) waiting.up();
      return result;
    } catch (thrown) {
      const problem = storeTrouble(thrown);
      if (problem === undefined || waiting.signal.aborted) throw thrown;
      if (!down) waiting.down(problem);
      down = true;
      await pause(wait, undefined, { signal: waiting.signal }).catch(() => undefined);
    }
  }
}
