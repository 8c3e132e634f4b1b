import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { fail } from '../evidence/problem.ts';
import { seconds } from '../evidence/units.ts';
import { type RedisReply, talkToRedis } from '../probes/redis.ts';
import { type Environment, reach } from './environment.ts';
import { ownSecret } from './secrets.ts';

/** What the environment's own cache was seen to do. */
export type CacheObservation = {
  /** With the password: what was written comes back. */
  readonly keeps: 'yes' | { readonly reason: string };
  /** Without a password: the commands that it carried out all the same. */
  readonly carriedOutForStrangers: readonly string[];
  readonly triedByStrangers: number;
  /** Settings by name, as the running server says them. */
  readonly settings: ReadonlyMap<string, string>;
};

const STRANGERS_TRY = [['PING'], ['GET', 'holdpoint'], ['CONFIG', 'GET', 'maxmemory']] as const;
const ANSWERS_WITHIN = seconds(5);
const STARTS_WITHIN = 15_000;

/**
 * Speaks with the cache that Holdpoint runs in an environment: once without a password, once with it. One entry is
 * written, read and removed again.
 *
 * @throws ProblemError `app` where it does not answer
 */
export async function observeCache(environment: Environment, signal: AbortSignal): Promise<CacheObservation> {
  await untilCacheAnswers(environment, signal);
  const strangers = await talkToCache(environment, STRANGERS_TRY);
  const [key, value] = [`holdpoint:${randomBytes(8).toString('hex')}`, randomBytes(8).toString('hex')];
  const [auth, set, get, removed, config] = await talkToCache(environment, [
    ['AUTH', await ownSecret(environment, 'redis')],
    ['SET', key, value, 'EX', '60'],
    ['GET', key],
    ['DEL', key],
    ['CONFIG', 'GET', '*'],
  ]);
  const wanted = [isValue(auth, 'OK'), isValue(set, 'OK'), isValue(get, value), isValue(removed, '1')];
  const failing = ['AUTH', 'SET', 'GET', 'DEL'].filter((_, i) => wanted[i] !== true);
  return {
    keeps: failing.length === 0 ? 'yes' : { reason: `not as expected: ${failing.join(', ')}` },
    carriedOutForStrangers: STRANGERS_TRY.flatMap((words, i) =>
      strangers[i]?.kind === 'refused' ? [] : [words.join(' ')],
    ),
    triedByStrangers: STRANGERS_TRY.length,
    settings: settingsOf(config),
  };
}

const isValue = (reply: RedisReply | undefined, value: string): boolean =>
  reply?.kind === 'value' && reply.value === value;

/** Names and values follow one another. */
function settingsOf(reply: RedisReply | undefined): ReadonlyMap<string, string> {
  const texts = reply?.kind === 'list' ? reply.items.map((item) => (item.kind === 'value' ? item.value : '')) : [];
  return new Map(texts.flatMap((name, i) => (i % 2 === 0 ? [[name, texts[i + 1] ?? ''] as const] : [])));
}

/**
 * One conversation with the cache of an environment, by who has its password or not: `AUTH` is a command like others.
 *
 * @throws ProblemError `app` where it does not answer
 */
export async function talkToCache(
  environment: Environment,
  commands: readonly (readonly string[])[],
): Promise<readonly RedisReply[]> {
  const address = await reach(environment, 'redis', environment.ports.redis);
  const said =
    address === undefined
      ? { kind: 'unanswered' as const, reason: 'it does not run' }
      : await talkToRedis(address, commands, ANSWERS_WITHIN);
  if (said.kind === 'answered') return said.replies;
  return fail({
    kind: 'app',
    what: `the cache of ${environment.name} does not answer: ${said.reason}`,
    where: environment.name,
    next: 'look at the last lines of the unit redis with `holdpoint logs`',
  });
}

/** One command by who has the password, and what is said to it. */
export async function tellCache(
  environment: Environment,
  ...command: readonly string[]
): Promise<RedisReply | undefined> {
  const replies = await talkToCache(environment, [['AUTH', await ownSecret(environment, 'redis')], command]);
  return replies[1];
}

export async function untilCacheAnswers(environment: Environment, signal: AbortSignal): Promise<void> {
  const end = performance.now() + STARTS_WITHIN;
  for (;;) {
    const answered = await talkToCache(environment, [['PING']]).then(
      () => true,
      (thrown: unknown) => {
        if (signal.aborted || performance.now() > end) throw thrown;
        return false;
      },
    );
    if (answered) return;
    await pause(200);
  }
}
