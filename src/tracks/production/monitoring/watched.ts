import { setTimeout as sleep } from 'node:timers/promises';
import { bringUpMonitoring, prometheusTarget, SCRAPE_INTERVAL } from '../../../environments/monitoring.ts';
import { absent, exactly, type Observed } from '../../../evidence/measurement.ts';
import { days, type Milliseconds, seconds } from '../../../evidence/units.ts';
import type { Attempt, Step } from '../../../plan/step.ts';
import type { HttpTarget } from '../../../probes/http.ts';
import { queryInstant } from '../../../probes/promql.ts';
import { ask, ownPrometheus } from '../../asking.ts';
import { notebook } from '../../observing.ts';
import type { World } from '../../world.ts';

/** A target has this long to be seen after Prometheus has started. */
const SEEN_WITHIN: Milliseconds = seconds(60);
const LOOK_AGAIN: Milliseconds = seconds(1);

/** Prometheus, Alertmanager and the exporters run, and every target is seen over TLS. */
export const watched = (world: World): Step => ({
  id: 'A.3/watched',
  task: 'A.3',
  title: 'Prometheus sees everything, over TLS',
  needs: ['A.2/smoke', 'A.2/retire'],
  inputs: { production: world.inputs.production, release: world.inputs.release, holdpoint: world.inputs.holdpoint },
  applies: ownPrometheus(world.app),
  tokens: ['app'],
  estimate: seconds(20),
  objectives: [
    ask({
      id: 'down',
      metric: 'monitoring.targets-down',
      is: ['==', 0, 'count'],
      source: 'plan A.3: Prometheus scrapes everything',
      maximumAge: days(1),
      minimumSamples: 5,
    }),
  ],
  retry: { kind: 'never' },
  async run(attempt) {
    const note = notebook(world.host.name, world.clock);
    await bringUpMonitoring(world.production);
    attempt.progress('waits until every target was scraped');
    const seen = await untilAllUp(await prometheusTarget(world.production), attempt);
    return [note({ metric: 'monitoring.targets-down', unit: 'count', method: { kind: 'query', text: 'up' }, ...seen })];
  },
});

type Seen = { readonly observed: Observed; readonly note: string | undefined };

/**
 * Looks until two looks in a row, with a scrape of each target between them, find every target up, or the time is over; then
 * says what the last look found.
 */
async function untilAllUp(target: HttpTarget, attempt: Attempt): Promise<Seen> {
  const end = performance.now() + SEEN_WITHIN;
  let seen: Seen = { observed: absent('Prometheus was not asked'), note: undefined };
  for (let good = 0; good < 2; ) {
    seen = await look(target);
    good = seen.observed.kind === 'value' && seen.observed.value === 0 && seen.observed.n >= 5 ? good + 1 : 0;
    if (good < 2 && (performance.now() > end || attempt.signal.aborted)) break;
    if (good < 2) await sleep(good === 1 ? SCRAPE_INTERVAL : LOOK_AGAIN);
  }
  return seen;
}

async function look(target: HttpTarget): Promise<Seen> {
  const result = await queryInstant(target, 'up');
  if (result.kind === 'error') return { observed: absent(result.reason), note: undefined };
  if (result.kind === 'absent') return { observed: absent('Prometheus has no target'), note: undefined };
  const down = result.series.filter((s) => s.samples.at(-1)?.value !== 1);
  const names = down.map((s) => `${s.labels.job} ${s.labels.instance}`);
  return {
    observed: exactly(down.length, result.series.length),
    note: names.length === 0 ? undefined : names.join(', '),
  };
}
