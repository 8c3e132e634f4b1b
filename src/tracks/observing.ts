import type { Measurement, Method, MetricUnit, Observed, Quietness } from '../evidence/measurement.ts';
import type { Clock, Digest, Instant } from '../evidence/units.ts';

type Seen = {
  readonly metric: string;
  readonly unit: MetricUnit;
  readonly observed: Observed;
  readonly method: Method;
  readonly of?: string;
  readonly from?: Instant;
  readonly to?: Instant;
  readonly quietness?: Quietness;
  readonly artefacts?: readonly Digest[];
  readonly note?: string | undefined;
};

/** Writes measurements down for one run of a step: where, and since when, is known once. */
export type Notebook = (seen: Seen) => Measurement;

/**
 * @param host name of the host on which is measured
 * @param clock read when the notebook is opened (the beginning) and at each note (its end), unless a note says otherwise
 */
export function notebook(host: string, clock: Clock): Notebook {
  const opened = clock();
  return (seen) => ({
    metric: seen.metric,
    unit: seen.unit,
    of: seen.of ?? '',
    observed: seen.observed,
    quietness: seen.quietness ?? { kind: 'indifferent' },
    from: seen.from ?? opened,
    to: seen.to ?? clock(),
    host,
    method: seen.method,
    artefacts: seen.artefacts ?? [],
    ...(seen.note === undefined ? {} : { note: seen.note }),
  });
}

/** A length of time that was read from the clock once, in whole milliseconds. */
export function timed(took: number): Observed {
  return { kind: 'value', value: took, interval: [took - 1, took + 1], n: 1, resolution: 1 };
}
