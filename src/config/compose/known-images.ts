/** What a well-known image is to Holdpoint, told by its name. */
export type KnownImage =
  | { readonly kind: 'postgres' }
  | { readonly kind: 'redis' }
  /** A server that keeps data and that Holdpoint does not run. */
  | { readonly kind: 'server'; readonly name: string }
  /** What Holdpoint runs itself in its place. */
  | { readonly kind: 'part'; readonly because: string }
  /** A web server that may stand before other services, or serve files itself. */
  | { readonly kind: 'proxy' };

const MONITORING = 'Holdpoint runs Prometheus, Alertmanager and exporters of its own';

/** By the last word of the image's path: `docker.io/library/postgres:16` is `postgres`. */
const KNOWN: ReadonlyMap<string, KnownImage> = new Map<string, KnownImage>([
  ...['postgres', 'postgresql'].map((name) => [name, { kind: 'postgres' }] as const),
  ...['redis', 'valkey', 'keydb', 'dragonfly'].map((name) => [name, { kind: 'redis' }] as const),
  ...[
    ['postgis', 'PostGIS'],
    ['timescaledb', 'TimescaleDB'],
    ['pgvector', 'pgvector'],
    ['mysql', 'MySQL'],
    ['mariadb', 'MariaDB'],
    ['mongo', 'MongoDB'],
    ['mongodb', 'MongoDB'],
    ['memcached', 'Memcached'],
    ['rabbitmq', 'RabbitMQ'],
    ['kafka', 'Kafka'],
    ['nats', 'NATS'],
    ['elasticsearch', 'Elasticsearch'],
    ['opensearch', 'OpenSearch'],
    ['clickhouse-server', 'ClickHouse'],
    ['minio', 'MinIO'],
  ].map(([image = '', name = '']) => [image, { kind: 'server', name }] as const),
  ...['prometheus', 'alertmanager', 'node-exporter', 'postgres-exporter', 'postgres_exporter', 'cadvisor'].map(
    (name) => [name, { kind: 'part', because: MONITORING }] as const,
  ),
  ['grafana', { kind: 'part', because: 'Holdpoint writes dashboards, but runs no Grafana' }],
  ['traefik', { kind: 'part', because: 'Holdpoint runs a load balancer of its own, with TLS' }],
  ['certbot', { kind: 'part', because: 'Holdpoint takes care of certificates itself' }],
  ['pgbouncer', { kind: 'part', because: 'services reach the database directly' }],
  ...['nginx', 'nginx-unprivileged', 'caddy', 'haproxy', 'httpd'].map((name) => [name, { kind: 'proxy' }] as const),
]);

export function knownImage(reference: string): KnownImage | undefined {
  const path = reference.split('@')[0]?.replace(/:[^/]*$/, '') ?? '';
  return KNOWN.get(path.split('/').at(-1) ?? '');
}
