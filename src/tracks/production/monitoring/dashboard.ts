import { setTimeout as sleep } from 'node:timers/promises';
import { publicDoor } from '../../../environments/expectation.ts';
import { goldenSettingsOf, prometheusTarget } from '../../../environments/monitoring.ts';
import { absent, exactly } from '../../../evidence/measurement.ts';
import { days, seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { runLoad } from '../../../probes/load/run.ts';
import { queryInstant } from '../../../probes/promql.ts';
import { appliesIfAll, ask, hasWebService, ownPrometheus } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** Every query of every panel returns data from the live Prometheus: a panel that shows nothing is found now. */
export const dashboard = (world: World): Step => ({
  id: 'A.3/dashboard',
  task: 'A.3',
  title: "Every panel's query returns data from the live Prometheus",
  needs: ['A.3/watched'],
  inputs: { production: world.inputs.production, release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: appliesIfAll(hasWebService(world.app), ownPrometheus(world.app)),
  tokens: ['app'],
  estimate: seconds(75),
  objectives: [
    ask({
      id: 'empty',
      metric: 'dashboard.empty-queries',
      is: ['==', 0, 'count'],
      source: 'plan A.3: panels whose queries return data',
      maximumAge: days(7),
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    attempt.progress('sends some requests, so that there is something to show');
    await traffic(world, attempt);
    const target = await prometheusTarget(world.production);
    // Loaded here: a plan that is only printed must not wait for the dashboard's builder.
    const { dashboardQueries } = await import('../../../parts/golden-metrics/dashboard.ts');
    const queries = dashboardQueries(world.app, goldenSettingsOf(world.production));
    const empty: string[] = [];
    for (const { panel, refId, expr } of queries) {
      const result = await queryInstant(target, expr);
      if (result.kind === 'error')
        return [
          note({
            metric: 'dashboard.empty-queries',
            unit: 'count',
            observed: absent(result.reason),
            method: { kind: 'query', text: expr },
          }),
        ];
      const numbers =
        result.kind === 'series' ? result.series.filter((s) => Number.isFinite(s.samples.at(-1)?.value)) : [];
      if (numbers.length === 0) empty.push(`${panel} ${refId}: ${expr}`);
    }
    return [
      note({
        metric: 'dashboard.empty-queries',
        unit: 'count',
        observed: exactly(empty.length, queries.length),
        method: {
          kind: 'query',
          text: `${queries.length} queries of ${new Set(queries.map((q) => q.panel)).size} panels`,
        },
        note: empty[0],
      }),
    ];
  },
});

/** Longer than the minute that a rate looks back over, and the scrapes around it. */
async function traffic(world: World, attempt: Attempt): Promise<void> {
  const path = world.app.smoke.find((s) => s.method === 'GET' && s.status < 400)?.path ?? '/';
  await runLoad(
    {
      ...(await publicDoor(world.production)),
      requests: [{ name: 'look', weight: 1, method: 'GET', path }],
      ratePerSecond: 10,
      durationMs: 45_000,
      warmUpMs: 0,
      connections: 8,
      timeoutMs: 10_000,
    },
    { signal: attempt.signal },
  );
  await sleep(6_000, undefined, { signal: attempt.signal });
}
