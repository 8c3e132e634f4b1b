import { bringUpCache } from '../../../environments/cache.ts';
import { type CacheObservation, observeCache } from '../../../environments/cache-access.ts';
import { absent, exactly } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { digestOf } from '../../../releases/digest.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** The cache that Holdpoint runs: it keeps what it is given while it runs, is closed to strangers, and is bounded. */
export const cache = (world: World): Step => ({
  id: 'A.2/cache',
  task: 'A.2',
  title: 'Redis, bounded, and closed to who has no password',
  needs: ['A.2/keys'],
  inputs: {
    production: world.inputs.production,
    holdpoint: world.inputs.holdpoint,
    cache: digestOf(JSON.stringify(wantedSettings(world))),
  },
  applies: appliesIf(
    world.app.cache?.managed.kind === 'by-holdpoint',
    world.app.cache ? 'the cache is run by somebody else' : 'the app has no cache',
  ),
  tokens: ['app'],
  estimate: seconds(2),
  objectives: [
    ask({ id: 'entries', metric: 'cache.entries-lost', is: ['==', 0, 'count'], source: 'what a cache is for' }),
    ask({
      id: 'strangers',
      metric: 'cache.strangers-served',
      is: ['==', 0, 'count'],
      source: 'Redis documentation, Security: authentication',
    }),
    ask({
      id: 'settings',
      metric: 'cache.settings-wrong',
      is: ['==', 0, 'count'],
      source: 'holdpoint.yaml: cache.memory, cache.eviction',
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    await bringUpCache(world.production, attempt.signal);
    const seen = await observeCache(world.production, attempt.signal);
    const wanted = wantedSettings(world);
    const wrong = Object.entries(wanted).flatMap(([name, value]) => {
      const is = seen.settings.get(name) ?? 'unknown';
      return is === value ? [] : [`${name} is ${is || 'empty'}, wanted ${value || 'empty'}`];
    });
    return [
      note({
        metric: 'cache.entries-lost',
        unit: 'count',
        observed: exactly(seen.keeps === 'yes' ? 0 : 1, 1),
        method: { kind: 'query', text: 'AUTH, SET, GET and DEL of one entry' },
        note: seen.keeps === 'yes' ? undefined : seen.keeps.reason,
      }),
      note({
        metric: 'cache.strangers-served',
        unit: 'count',
        observed: servedStrangers(seen),
        method: {
          kind: 'query',
          text: 'PING, GET and CONFIG GET without a password; the same server serves who has it',
        },
        note: seen.carriedOutForStrangers.join('; ') || undefined,
      }),
      note({
        metric: 'cache.settings-wrong',
        unit: 'count',
        observed: exactly(wrong.length, Object.keys(wanted).length),
        method: { kind: 'query', text: `CONFIG GET: ${Object.keys(wanted).join(', ')}` },
        note: wrong.join('; ') || undefined,
      }),
    ];
  },
});

/** A server that serves nobody refuses strangers as well: that tells nothing. */
const servedStrangers = ({ keeps, carriedOutForStrangers, triedByStrangers }: CacheObservation) =>
  keeps === 'yes' || carriedOutForStrangers.length > 0
    ? exactly(carriedOutForStrangers.length, triedByStrangers)
    : absent('it does not serve who has the password either, so a refusal tells nothing');

/** `save` and `appendonly`: what is written to a disk would come back as if it were current. */
function wantedSettings({ app }: World): Readonly<Record<string, string>> {
  if (app.cache?.managed.kind !== 'by-holdpoint') return {};
  const { memory, eviction } = app.cache.managed;
  return { maxmemory: String(memory), 'maxmemory-policy': eviction, save: '', appendonly: 'no' };
}
