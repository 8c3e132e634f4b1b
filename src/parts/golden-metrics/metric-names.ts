/**
 * The names of everything that the golden metrics are read from, in one place: exporters write exactly these, and rules,
 * queries and dashboards read exactly these.
 */

/**
 * Requests that the load balancer answered, from its access log, by class of status: `class="2xx|3xx|4xx|5xx"`.
 * The exporter shows every class from its first line on (at 0 where none came): a counter that is born with a value
 * has lost that value for every `rate`.
 */
export const LB_REQUESTS = 'holdpoint_lb_requests_total';

/** How long the load balancer took for a request, in milliseconds; bounds are `bucketBounds`. No label but `le`. */
export const LB_DURATION = 'holdpoint_lb_request_duration_milliseconds';

/** Processor seconds that a unit has used; labels `unit` and `service` (what the unit is an instance of). */
export const UNIT_CPU = 'holdpoint_unit_cpu_seconds_total';
/** Resident memory of a unit in bytes; labels `unit` and `service`. */
export const UNIT_MEMORY = 'holdpoint_unit_memory_bytes';
/** How often the runtime has started a unit again after it ended by itself; labels `unit` and `service`. */
export const UNIT_RESTARTS = 'holdpoint_unit_restarts_total';
/** 1 while a unit runs, 0 while it is known and does not; labels `unit` and `service`. */
export const UNIT_UP = 'holdpoint_unit_up';
/** Cores that the host gives to the environment: what 100 % of processor time means. No labels. */
export const HOST_CORES = 'holdpoint_host_cpu_cores';

/** Connections to each database, from postgres-exporter. */
export const DATABASE_CONNECTIONS = 'pg_stat_database_numbackends';

/** When the first certificate of a chain ends, in seconds since 1970, from blackbox-exporter. */
export const CERTIFICATE_END = 'probe_ssl_earliest_cert_expiry';

/** What the load balancer's and the exporters' scrape jobs are called in Prometheus. */
export const JOBS = {
  loadBalancer: 'load-balancer',
  units: 'units',
  database: 'database',
  certificates: 'certificates',
} as const;

/** The scrape job of everything that the app itself tells. */
export const APP_JOB = 'services';

/** The series that rules record, read by alerts, dashboard and the monitoring window. */
export const RECORDED = {
  requestsPerMinute: 'holdpoint:requests:per_minute',
  errorPercent: 'holdpoint:errors:percent',
  latencyP95: 'holdpoint:latency_p95:milliseconds',
  latencyWithin: 'holdpoint:latency_within_objective:percent',
  cpuPercent: 'holdpoint:cpu:percent',
  cpuPercentOfService: 'holdpoint:cpu_of_service:percent',
  memoryBytes: 'holdpoint:memory_of_unit:bytes',
  memoryPercent: 'holdpoint:memory_of_unit:percent_of_limit',
  connections: 'holdpoint:database_connections:count',
  certificateDays: 'holdpoint:certificate:days',
} as const;

/** What is recorded besides, by label `service`, where a service counts its own requests. */
export const OWN_RECORDED = {
  /** Requests, failed ones, timed ones and those within the objective, a second: long windows are made of these. */
  requests: 'holdpoint:own_requests:rate',
  errors: 'holdpoint:own_errors:rate',
  timed: 'holdpoint:own_timed:rate',
  within: 'holdpoint:own_within_objective:rate',
  /** Share of the requests within the threshold of the alert. */
  withinAlert: 'holdpoint:latency_within_alert:percent',
} as const;
