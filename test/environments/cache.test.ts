import { afterAll, beforeAll, expect, it } from 'vitest';
import { ownCache } from '../../src/config/own-cache.ts';
import { bringUpCache } from '../../src/environments/cache.ts';
import { observeCache, tellCache } from '../../src/environments/cache-access.ts';
import { bytes } from '../../src/evidence/units.ts';
import { type Standing, standing } from './standing.ts';

/** A cache of an environment, with the real server, as releases come and go. */
let place: Standing;
const signal = AbortSignal.timeout(60_000);
beforeAll(async () => {
  place = await standing();
});
afterAll(async () => {
  await (await opened(64)).runtime.destroy();
  await place.end();
});

const opened = (mebibytes: number) =>
  place.open({
    ...place.app(),
    cache: {
      engine: 'redis',
      managed: ownCache(bytes(mebibytes * 2 ** 20), 'noeviction'),
      databases: [],
      handover: { variable: 'REDIS_URL', as: 'value' },
    },
  });

it('takes up changed settings while it runs, and keeps what is in it', async () => {
  const before = await opened(64);
  await bringUpCache(before, signal);
  const first = await observeCache(before, signal);
  expect([first.keeps, first.carriedOutForStrangers, first.settings.get('maxmemory')]).toEqual([
    'yes',
    [],
    String(64 * 2 ** 20),
  ]);
  await tellCache(before, 'SET', 'basket', '3 apples');

  const after = await opened(96);
  await bringUpCache(after, signal);
  expect((await observeCache(after, signal)).settings.get('maxmemory')).toBe(String(96 * 2 ** 20));
  expect(await tellCache(after, 'GET', 'basket')).toEqual({ kind: 'value', value: '3 apples' });
});

it('is not set right by a look at it: what somebody changed in the running server is found', async () => {
  const environment = await opened(96);
  await tellCache(environment, 'CONFIG', 'SET', 'maxmemory', '0');
  await bringUpCache(environment, signal);
  expect((await observeCache(environment, signal)).settings.get('maxmemory')).toBe('0');
});

it('begins empty when it is started again', async () => {
  const environment = await opened(96);
  await environment.runtime.stop('redis');
  await bringUpCache(environment, signal);
  const { settings } = await observeCache(environment, signal);
  expect(settings.get('maxmemory')).toBe(String(96 * 2 ** 20));
  expect(await tellCache(environment, 'GET', 'basket')).toEqual({ kind: 'nothing' });
});
