import { stringify } from 'yaml';
import type { Milliseconds } from '../evidence/units.ts';
import { seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import { TLS_STORE, webConfig } from './monitoring-tls.ts';
import { OF_PARTS, type Part, reads, writes } from './part.ts';

export type AlertmanagerSettings = {
  readonly port: number;
  /**
   * URLs that alerts are posted to. They may carry a token, so the configuration is readable by its user alone. That is
   * not all: Alertmanager 0.25 (Debian 12) also shows them at `/api/v2/status`, to whoever reaches its port on this host.
   */
  readonly webhooks: readonly string[];
  /** Where the alert is posted that is provoked to prove delivery; nobody listens there at other times. */
  readonly deliveryCheckUrl: string;
  /** How long alerts of one group are gathered before the first message. */
  readonly groupWait: Milliseconds;
};

/** Name of the alert that is provoked for real to prove that alerts arrive. */
export const DELIVERY_CHECK = 'DeliveryCheck';

/** Debian calls the binary `prometheus-alertmanager`. One instance, so its gossip port stays shut. */
export function alertmanager(settings: AlertmanagerSettings, place: Place): Part {
  const store = 'alertmanager';
  const config = {
    route: {
      receiver: 'team',
      group_by: ['alertname', 'environment'],
      group_wait: `${Math.max(1, Math.round(settings.groupWait / 1000))}s`,
      group_interval: '1m',
      repeat_interval: '4h',
      routes: [
        {
          matchers: [`alertname="${DELIVERY_CHECK}"`],
          receiver: 'delivery-check',
          group_by: ['...'],
          group_wait: '0s',
          group_interval: '1s',
        },
      ],
    },
    receivers: [
      {
        name: 'team',
        ...(settings.webhooks.length > 0
          ? { webhook_configs: settings.webhooks.map((url) => ({ url, send_resolved: true })) }
          : {}),
      },
      { name: 'delivery-check', webhook_configs: [{ url: settings.deliveryCheckUrl, send_resolved: true }] },
    ],
  };
  return {
    stores: [
      { name: store, owner: 'monitoring' },
      { name: 'alertmanager-data', owner: 'monitoring' },
    ],
    files: [
      // A URL may carry a token, and this version of Alertmanager reads no url_file: the whole file is private.
      { store, path: 'alertmanager.yml', content: stringify(config), mode: 0o600, user: 'monitoring' },
    ],
    units: [
      {
        name: 'alertmanager',
        of: 'alertmanager',
        role: 'part',
        software: OF_PARTS,
        mounts: [...reads(store, TLS_STORE), ...writes('alertmanager-data')],
        networks: ['app'],
        command: [
          place.program('alertmanager'),
          `--config.file=${place.path(store, 'alertmanager.yml')}`,
          `--storage.path=${place.path('alertmanager-data')}`,
          `--web.listen-address=${place.listen}:${settings.port}`,
          `--web.config.file=${webConfig(place)}`,
          '--cluster.listen-address=',
        ],
        environment: {},
        user: 'monitoring',
        ports: [{ name: 'https', number: settings.port }],
        stop: { signal: 'SIGTERM', grace: seconds(10) },
        restart: 'always',
      },
    ],
  };
}
