import { seconds } from '../evidence/units.ts';
import type { Place } from '../runtimes/runtime.ts';
import { LOGS } from './caddy.ts';
import { LB_DURATION, LB_REQUESTS } from './golden-metrics/metric-names.ts';
import { contentDigest, OF_PARTS, type Part, reads } from './part.ts';

export type MtailSettings = {
  readonly port: number;
  /** Absolute path of the load balancer's access log. */
  readonly accessLog: string;
  /** Upper bounds of the latency histogram in milliseconds, ascending; one lies exactly at each objective. */
  readonly bounds: readonly number[];
};

const CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;

/**
 * Reads counters and a latency histogram off the access log. Caddy's own histogram jumps from 100 to 250 ms, which
 * reads 10 % of requests at 245 ms as a P95 of 175 ms; here a bound lies exactly at each objective.
 *
 * The quotes around a field's name cannot come from a request: Caddy escapes them inside values.
 */
export function mtailProgram(bounds: readonly number[]): string {
  const classes = CLASSES.map((name) => `  ${LB_REQUESTS}["${name}"] += 0`).join('\n');
  const counts = CLASSES.map((name) => `  $class == ${name[0]} {\n    ${LB_REQUESTS}["${name}"]++\n  }`).join('\n');
  return `# Rendered from the objectives. Latency is what the load balancer saw, in milliseconds.
counter ${LB_REQUESTS} by class
histogram ${LB_DURATION} buckets ${bounds.join(', ')}

/"duration":(?P<seconds>[0-9]+\\.?[0-9]*),"size":[0-9]+,"status":(?P<class>[1-5])[0-9][0-9]/ {
  # A class that is born with its first error would lose that error for every rate.
${classes}
${counts}
  ${LB_DURATION} = float($seconds) * 1000.0
}
`;
}

/** Runs as the load balancer's user: Caddy makes its log with mode 0600. */
export function mtail(settings: MtailSettings, place: Place): Part {
  const store = 'mtail';
  const program = {
    store,
    path: 'access.mtail',
    content: mtailProgram(settings.bounds),
    mode: 0o644,
    user: 'proxy',
  } as const;
  return {
    stores: [{ name: store, owner: 'proxy' }],
    files: [program],
    units: [
      {
        name: 'mtail',
        of: 'mtail',
        role: 'part',
        software: OF_PARTS,
        mounts: reads(store, LOGS),
        networks: ['app'],
        command: [
          place.program('mtail'),
          '-logtostderr',
          '-emit_prog_label=false',
          `-address=${place.listen}`,
          `-port=${settings.port}`,
          `-progs=${place.path(store, 'access.mtail')}`,
          `-logs=${settings.accessLog}`,
          '-poll_interval=250ms',
          '-poll_log_interval=250ms',
        ],
        environment: { HOLDPOINT_PROGRAM: contentDigest([program]) },
        user: 'proxy',
        ports: [{ name: 'metrics', number: settings.port }],
        stop: { signal: 'SIGTERM', grace: seconds(5) },
        restart: 'always',
      },
    ],
  };
}
