import { setTimeout as sleep } from 'node:timers/promises';
import { publicTarget } from '../../../environments/expectation.ts';
import { goldenSettingsOf, prometheusTarget } from '../../../environments/monitoring.ts';
import { absent, exactly } from '../../../evidence/measurement.ts';
import { days, type Milliseconds, milliseconds, seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import { type HttpTarget, observe } from '../../../probes/http.ts';
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
  estimate: seconds(15),
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
    // Loaded here: a plan that is only printed must not wait for the dashboard's builder.
    const { dashboardQueries } = await import('../../../parts/golden-metrics/dashboard.ts');
    const queries = dashboardQueries(world.app, goldenSettingsOf(world.production));
    const panels = new Set(queries.map((q) => q.panel)).size;
    attempt.progress('sends some requests, so that there is something to show');
    const seen = await withTraffic(world, async () =>
      untilShown(queries, await prometheusTarget(world.production), attempt),
    );
    const about = { metric: 'dashboard.empty-queries', unit: 'count' } as const;
    if (seen.kind === 'error')
      return [note({ ...about, observed: absent(seen.reason), method: { kind: 'query', text: seen.expr } })];
    return [
      note({
        ...about,
        observed: exactly(seen.empty.length, queries.length),
        method: { kind: 'query', text: `${queries.length} queries of ${panels} panels` },
        note: seen.empty[0],
      }),
    ];
  },
});

/** As long as a rate needs that looks back over a minute, and the scrapes around it. */
const SHOWN_WITHIN: Milliseconds = seconds(51);
const LOOK_AGAIN: Milliseconds = seconds(2);
const BETWEEN_REQUESTS = milliseconds(100);

type Query = { readonly panel: string; readonly refId: string; readonly expr: string };
type Look =
  | { readonly kind: 'answered'; readonly empty: readonly string[] }
  | { readonly kind: 'error'; readonly expr: string; readonly reason: string };

/** Looks until one look finds something behind every query, or the time is over; then the last look counts. */
async function untilShown(queries: readonly Query[], target: HttpTarget, attempt: Attempt): Promise<Look> {
  const end = performance.now() + SHOWN_WITHIN;
  for (;;) {
    const seen = await look(queries, target);
    const settled = seen.kind === 'error' || seen.empty.length === 0;
    if (settled || performance.now() > end || attempt.signal.aborted) return seen;
    await sleep(LOOK_AGAIN);
  }
}

async function look(queries: readonly Query[], target: HttpTarget): Promise<Look> {
  const empty: string[] = [];
  for (const { panel, refId, expr } of queries) {
    const result = await queryInstant(target, expr);
    if (result.kind === 'error') return { kind: 'error', expr, reason: result.reason };
    const numbers =
      result.kind === 'series' ? result.series.filter((s) => Number.isFinite(s.samples.at(-1)?.value)) : [];
    if (numbers.length === 0) empty.push(`${panel} ${refId}: ${expr}`);
  }
  return { kind: 'answered', empty };
}

/** Somebody uses the app while `work` looks at it. */
async function withTraffic<T>({ app, production }: World, work: () => Promise<T>): Promise<T> {
  const path = app.smoke.find((s) => s.method === 'GET' && s.status < 400)?.path ?? '/';
  const target = await publicTarget(production);
  let isOver = false;
  const traffic = (async () => {
    while (!isOver) {
      await observe(target, { method: 'GET', path, headers: {} });
      await sleep(BETWEEN_REQUESTS);
    }
  })();
  // Awaited below; until then nobody looks at its end.
  traffic.catch(() => undefined);
  try {
    return await work();
  } finally {
    // Not cut off: the load balancer would count a request that was as an error.
    isOver = true;
    await traffic;
  }
}
