import type { GoldenQueries, Observe } from '../../../config/app.ts';
import { absent, exactly, type Measurement } from '../../../evidence/measurement.ts';
import { seconds } from '../../../evidence/units.ts';
import type { Step } from '../../../plan/step.ts';
import { type PrometheusTarget, queryInstant } from '../../../probes/promql.ts';
import { appliesIf, ask } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';
import { LOOK_STANDS, observedInputs, prometheusOf } from './deployment.ts';
import { numbersOf } from './golden-series.ts';

/** The app's own Prometheus answers, sees something, and understands what holdpoint.yaml asks it. */
export const observedWatched = (world: World, observe: Observe): Step => ({
  id: 'A.3/watched',
  task: 'A.3',
  title: 'Its Prometheus sees something, and each query of holdpoint.yaml gives one number',
  needs: [],
  inputs: observedInputs(world),
  applies: appliesIf(
    observe.prometheus !== undefined,
    '`observe.prometheus` names none: what only metrics tell is unknown',
  ),
  tokens: [],
  estimate: seconds(1),
  objectives: [
    ask({
      id: 'up',
      metric: 'monitoring.targets-up',
      is: ['>=', 1, 'count'],
      source: 'plan A.3: Prometheus scrapes the app',
      maximumAge: LOOK_STANDS,
    }),
    // Not all that it scrapes need be of this app.
    ask({
      id: 'down',
      metric: 'monitoring.targets-down',
      is: ['==', 0, 'count'],
      source: 'plan A.3: Prometheus scrapes everything',
      gate: 'warn',
      maximumAge: LOOK_STANDS,
    }),
    ...(declared(observe).length > 0
      ? [
          ask({
            id: 'queries',
            metric: 'monitoring.queries-unusable',
            is: ['==', 0, 'count'],
            source: 'a window of a day must not end in a query that nobody could answer',
            maximumAge: LOOK_STANDS,
          }),
        ]
      : []),
  ],
  retry: { kind: 'never' },
  run: () => lookAtPrometheus(world, observe),
});

const declared = ({ metrics }: Observe): readonly (readonly [keyof GoldenQueries, string])[] =>
  (['requests', 'errors', 'latencyP95'] as const).flatMap((name) => {
    const query = metrics[name];
    return query === undefined ? [] : [[name, query] as const];
  });

async function lookAtPrometheus(world: World, observe: Observe): Promise<Measurement[]> {
  if (observe.prometheus === undefined) return [];
  const note = notebook(world.host.name, world.clock);
  const target = await prometheusOf(observe.prometheus);
  const method = { kind: 'query', text: `up, of ${observe.prometheus.url}` } as const;
  const result = await queryInstant(target, 'up');
  const series = result.kind === 'series' ? result.series : [];
  const down = series.filter((s) => s.samples.at(-1)?.value !== 1);
  const names = down.map(({ labels }) => [labels.job, labels.instance].filter(Boolean).join(' '));
  const seen = (count: number) =>
    result.kind === 'error' ? absent(result.reason) : exactly(count, Math.max(1, series.length));
  return [
    note({ metric: 'monitoring.targets-up', unit: 'count', observed: seen(series.length - down.length), method }),
    note({
      metric: 'monitoring.targets-down',
      unit: 'count',
      observed: series.length === 0 && result.kind !== 'error' ? absent('it scrapes nothing') : seen(down.length),
      method,
      note: names.length === 0 ? undefined : names.join(', '),
    }),
    ...(declared(observe).length === 0
      ? []
      : [
          note({
            metric: 'monitoring.queries-unusable',
            unit: 'count',
            ...(result.kind === 'error'
              ? { observed: absent(result.reason), note: undefined }
              : await unusable(target, observe)),
            method: {
              kind: 'query',
              text: declared(observe)
                .map(([, query]) => query)
                .join('; '),
            },
          }),
        ]),
  ];
}

async function unusable(target: PrometheusTarget, observe: Observe) {
  const found: string[] = [];
  for (const [name, query] of declared(observe)) {
    const numbers = numbersOf(await queryInstant(target, query));
    if (numbers.kind === 'unusable') found.push(`${name}: ${numbers.reason}`);
    // Errors may be absent, and a latency is while nobody asks; counted requests are always there.
    if (numbers.kind === 'none' && name === 'requests') found.push(`${name}: it gives no number`);
  }
  return {
    observed: exactly(found.length, declared(observe).length),
    note: found.length === 0 ? undefined : found.join('; '),
  };
}
