import type { App } from '../../../config/app.ts';
import { quantityIn } from '../../../config/quantity.ts';
import { absent, type Observed } from '../../../evidence/measurement.ts';
import type { Objective } from '../../../evidence/objective.ts';
import { days } from '../../../evidence/units.ts';
import { UNDER_LOAD } from '../../../parts/golden-metrics/queries.ts';
import type { LoadResult } from '../../../probes/load/result.ts';
import { ask } from '../../asking.ts';

/**
 * What the synthetic client may see go wrong: as much as the load balancer may. Where the team asks for another error
 * rate of the window, the same is asked here, unless it asks for this by its own id.
 */
export function clientErrorsObjective({ objectives }: Pick<App, 'objectives'>, percent: number): Objective {
  const asked = objectives
    .filter((o) => o.step === 'A.4/window' && o.objective === 'error-rate' && o.threshold !== undefined)
    .at(-1);
  const threshold = asked?.threshold && quantityIn(asked.threshold, 'percent');
  return ask({
    id: 'client-errors',
    metric: UNDER_LOAD.errorRate,
    is: ['<', threshold ?? percent, 'percent'],
    source: 'plan A.3 and A.4: error rate, as the synthetic client saw it: 4xx, 5xx and no answer',
    maximumAge: days(30),
    minimumSamples: 100,
  });
}

/** Whether the app says that it serves what is sent, or `/` is sent because it names nothing. */
export type Pages = 'named' | 'guessed';

export function pagesOf({ window, smoke }: Pick<App, 'window' | 'smoke'>): Pages {
  const [first, ...more] = window.requests;
  const onlyRoot = first?.path === '/' && more.length === 0;
  return onlyRoot && !smoke.some((s) => s.method === 'GET' && s.status === 200) ? 'guessed' : 'named';
}

/**
 * Answers with 4xx and 5xx and requests without a whole answer, in percent of all that were meant to be sent. A guessed
 * page may be refused, but then always: one that is served at times and refused at others is an error.
 *
 * As the load balancer's error rate over the same window this is a count of what happened, and no sample of something
 * larger: what cannot be told is less than one request.
 */
export function clientErrors({ measured }: Pick<LoadResult, 'measured'>, pages: Pages): Observed {
  const n = measured.intended;
  if (n === 0) return absent('no request was sent');
  const { '2xx': served = 0, '3xx': redirected = 0, '4xx': refused = 0, '5xx': errors = 0 } = measured.byStatusClass;
  const mayBeRefused = pages === 'guessed' && served + redirected === 0;
  const bad = measured.failed + measured.unclear + errors + (mayBeRefused ? 0 : refused);
  const share = (100 * bad) / n;
  return { kind: 'value', value: share, interval: [share, share], n, resolution: 100 / n };
}
