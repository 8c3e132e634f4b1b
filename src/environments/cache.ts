import type { Cache } from '../config/app.ts';
import { carryOut } from '../parts/part.ts';
import { redis } from '../parts/redis.ts';
import { type Environment, PRODUCTION } from './environment.ts';
import { ownSecret, resolveReference } from './secrets.ts';

/**
 * The URL by which the app reaches its cache. Somebody else's serves production alone; elsewhere Holdpoint runs one, so
 * that no check ever touches what production keeps.
 */
export async function cacheUrl(environment: Environment, cache: Cache): Promise<string> {
  const { app, runtime, ports } = environment;
  if (environment.name === PRODUCTION) return resolveReference(cache.url, 'the URL of the cache', app.root);
  return `redis://:${await ownSecret(environment, 'redis')}@${runtime.place.address('redis', ports.redis)}/0`;
}

/** Starts the cache of an environment that has one of its own; harmless where it runs. */
export async function bringUpCache(environment: Environment): Promise<void> {
  const { app, runtime, ports } = environment;
  if (app.cache === undefined || environment.name === PRODUCTION) return;
  const settings = { port: ports.redis, password: await ownSecret(environment, 'redis') };
  await carryOut(runtime, redis(settings, runtime.place));
}
