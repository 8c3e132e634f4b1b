import type { App } from '../../../config/app.ts';
import { absent, type Measurement, type Quietness } from '../../../evidence/measurement.ts';
import { UNDER_LOAD } from '../../../parts/golden-metrics/queries.ts';
import type { LoadOutcome } from '../../../probes/load/generator.ts';
import { loadMeasurements } from '../../load-measurements.ts';
import type { Notebook } from '../../observing.ts';
import { clientErrors, pagesOf } from './client-errors.ts';

export type ClientView = {
  readonly app: Pick<App, 'window' | 'smoke'>;
  /** The machine that the load came from. */
  readonly host: string;
  /** Where it went to. */
  readonly url: string;
  readonly outcome: LoadOutcome;
  readonly quietness: Quietness;
};

/** What the synthetic client saw. A load that did not run, or whose count is gone, has seen nothing. */
export function fromClient({ app, host, url, outcome, quietness }: ClientView, note: Notebook): Measurement[] {
  if (outcome.kind === 'ran')
    return loadMeasurements(outcome.result, host, quietness).map((m) =>
      // A generator that sends a moment late still sees how each request ends: its lateness spoils times, not answers.
      m.metric === UNDER_LOAD.errorRate ? { ...m, observed: clientErrors(outcome.result, pagesOf(app)), quietness } : m,
    );
  const method = { kind: 'load', text: url } as const;
  const observed = absent(outcome.reason);
  return [
    note({ metric: UNDER_LOAD.latencyP95, unit: 'ms', observed, method }),
    note({ metric: UNDER_LOAD.errorRate, unit: 'percent', observed, method }),
    note({ metric: UNDER_LOAD.requestRate, unit: 'per-minute', observed, method }),
  ];
}
