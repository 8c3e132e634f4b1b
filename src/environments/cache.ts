import type { Cache } from '../config/app.ts';
import { fail } from '../evidence/problem.ts';
import { carryOut, type Part } from '../parts/part.ts';
import { redis } from '../parts/redis.ts';
import { tellCache, untilCacheAnswers } from './cache-access.ts';
import type { Environment } from './environment.ts';
import { ownSecret, resolveReference } from './secrets.ts';

const passwordOf = (environment: Environment): Promise<string> => ownSecret(environment, 'redis');

/** The URL by which the app reaches its cache. Holds a password: it goes into files of mode 0600 only. */
export async function cacheUrl(environment: Environment, { managed }: Cache): Promise<string> {
  const { app, runtime, ports } = environment;
  if (managed.kind === 'by-url') return resolveReference(managed.url, 'the URL of the cache', app.root);
  return `redis://:${await passwordOf(environment)}@${runtime.place.address('redis', ports.redis)}/0`;
}

/**
 * The same server, another of its databases.
 *
 * @throws ProblemError `input` where the URL is none
 */
export function withDatabaseNumber(url: string, number: number): string {
  if (!URL.canParse(url))
    return fail({
      kind: 'input',
      what: 'the URL of the cache is none',
      where: 'holdpoint.yaml: cache.url',
      next: 'let the reference lead to redis://:password@host:port',
    });
  const changed = new URL(url);
  changed.pathname = `/${number}`;
  return changed.href;
}

/** Undefined where the environment has none of its own. */
export async function cachePart(environment: Environment): Promise<Part | undefined> {
  const { app, runtime, ports } = environment;
  if (app.cache?.managed.kind !== 'by-holdpoint') return undefined;
  const { memory, eviction } = app.cache.managed;
  return redis({ port: ports.redis, password: await passwordOf(environment), memory, eviction }, runtime.place);
}

/**
 * Starts the cache of an environment that has one of its own; harmless where it runs. Changed settings are taken up by the
 * running server: a restart would empty it.
 */
export async function bringUpCache(environment: Environment, signal: AbortSignal): Promise<void> {
  const { app, runtime } = environment;
  const part = await cachePart(environment);
  if (part === undefined || app.cache?.managed.kind !== 'by-holdpoint') return;
  const [file] = part.files;
  const before = file && (await runtime.read(file.store, file.path));
  await carryOut(runtime, part);
  if (before === undefined || Buffer.from(before).toString() === file?.content) return;
  await untilCacheAnswers(environment, signal);
  const { memory, eviction } = app.cache.managed;
  await tellCache(environment, 'CONFIG', 'SET', 'maxmemory', String(memory));
  await tellCache(environment, 'CONFIG', 'SET', 'maxmemory-policy', eviction);
}
