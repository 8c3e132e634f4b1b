import type { Eviction } from '../config/own-cache.ts';
import { type Bytes, seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import { OF_PARTS, type Part, reads } from './part.ts';

export type RedisSettings = {
  readonly port: number;
  readonly password: string;
  readonly memory: Bytes;
  readonly eviction: Eviction;
};

const STORE = 'redis';

/** A cache that holds nothing worth keeping: it writes no file, so a restart empties it. */
export function redis(settings: RedisSettings, place: Place): Part {
  const config = [
    `bind ${place.listen}`,
    `port ${settings.port}`,
    `requirepass ${settings.password}`,
    'save ""',
    'appendonly no',
    `maxmemory ${settings.memory}`,
    `maxmemory-policy ${settings.eviction}`,
    'logfile ""',
    '',
  ].join('\n');
  return {
    stores: [{ name: STORE, owner: 'cache' }],
    files: [{ store: STORE, path: 'redis.conf', content: config, mode: 0o600, user: 'cache' }],
    units: [
      {
        name: 'redis',
        of: 'redis',
        role: 'part',
        software: OF_PARTS,
        command: [place.program('redis-server'), place.path(STORE, 'redis.conf')],
        mounts: reads(STORE),
        networks: ['app'],
        environment: {},
        user: 'cache',
        ports: [{ name: 'redis', number: settings.port }],
        stop: { signal: 'SIGTERM', grace: seconds(10) },
        restart: 'always',
      },
    ],
  };
}
