import { expect, test } from 'vitest';
import { type HostToken, QUIET_MACHINE } from '../plan/step.ts';
import { HostTokens, type Release } from './tokens.ts';

const never = new AbortController().signal;

/** Steps as `APP/STEP`, each asked for in its turn; who holds its tokens, in the order in which they were given. */
function host() {
  const tokens = new HostTokens();
  const holding: string[] = [];
  const releases = new Map<string, Release>();
  return {
    holding: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return [...holding];
    },
    asks: (who: string, wanted: readonly HostToken[]) => {
      const app = who.split('/')[0] ?? '';
      void tokens.acquire('local', { who, app, tokens: wanted }, never).then((release) => {
        if (release === undefined) return;
        holding.push(who);
        releases.set(who, release);
      });
    },
    ends: (who: string) => {
      holding.splice(holding.indexOf(who), 1);
      releases.get(who)?.();
    },
    waiting: () => tokens.waiting('local'),
  };
}

test('two apps are each handled at once, and one app by one step at a time', async () => {
  const { asks, ends, holding } = host();
  asks('site/health', ['app']);
  asks('shop/health', ['app']);
  asks('shop/restore', ['app', 'disk']);
  expect(await holding()).toEqual(['site/health', 'shop/health']);
  ends('shop/health');
  expect(await holding()).toEqual(['site/health', 'shop/restore']);
});

test('the disk and the CPU of a host are one for all apps', async () => {
  const { asks, holding } = host();
  asks('site/restore', ['app', 'disk']);
  asks('shop/restore', ['app', 'disk']);
  asks('shop/rules', ['cpu']);
  expect(await holding()).toEqual(['site/restore', 'shop/rules']);
});

test('a step that measures time waits until every app is still, and keeps every app still', async () => {
  const { asks, ends, holding, waiting } = host();
  asks('site/health', ['app']);
  asks('shop/window', QUIET_MACHINE);
  asks('site/headers', ['app']);
  asks('third/health', ['app']);
  expect(await holding()).toEqual(['site/health']);
  expect(waiting().map(({ who, heldBy }) => [who, heldBy])).toEqual([
    ['shop/window', ['site/health']],
    ['site/headers', ['site/health', 'shop/window']],
    ['third/health', ['shop/window']],
  ]);
  ends('site/health');
  expect(await holding()).toEqual(['shop/window']);
  ends('shop/window');
  expect(await holding()).toEqual(['site/headers', 'third/health']);
});
