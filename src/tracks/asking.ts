import type { App } from '../config/app.ts';
import { servesPeople } from '../config/serves-people.ts';
import type { MetricUnit } from '../evidence/measurement.ts';
import type { Comparator, Gate, Objective } from '../evidence/objective.ts';
import type { Milliseconds } from '../evidence/units.ts';
import { days } from '../evidence/units.ts';
import type { Applicability } from '../plan/step.ts';

/** How old evidence may grow before a launch measures again, where neither the plan nor the app says otherwise. */
export const ORDINARY_AGE: Milliseconds = days(7);

type Asked = {
  readonly id: string;
  readonly metric: string;
  readonly is: readonly [Comparator, number, MetricUnit];
  readonly source: string;
  readonly gate?: Gate;
  readonly of?: string;
  readonly maximumAge?: Milliseconds;
  readonly minimumSamples?: number;
};

/** An objective with the plan's defaults: it holds, its evidence lives a week, one sample is enough. */
export function ask(asked: Asked): Objective {
  const [comparator, threshold, unit] = asked.is;
  return {
    id: asked.id,
    metric: asked.metric,
    ...(asked.of === undefined ? {} : { of: asked.of }),
    comparator,
    threshold,
    unit,
    gate: asked.gate ?? 'hold',
    maximumAge: asked.maximumAge ?? ORDINARY_AGE,
    minimumSamples: asked.minimumSamples ?? 1,
    source: asked.source,
  };
}

export const APPLIES: Applicability = { kind: 'applies' };

/** Applies if the condition holds; otherwise the plan says why not. */
export const appliesIf = (condition: boolean, because: string): Applicability =>
  condition ? APPLIES : { kind: 'not-applicable', because };

export const hasDatabase = (app: App): Applicability =>
  appliesIf(app.database !== undefined, 'the app has no database');

export const ownPrometheus = (app: App): Applicability =>
  appliesIf(app.prometheus === undefined, 'Prometheus is run by somebody else, and more than its URL would be needed');

/** The first of several conditions that is not met. */
export const appliesIfAll = (...all: readonly Applicability[]): Applicability =>
  all.find((one) => one.kind === 'not-applicable') ?? APPLIES;

export const servesPages = (app: App): Applicability =>
  appliesIf(app.services.some(servesPeople), 'no service of the app is reached by people');

export const hasWebService = (app: App): Applicability =>
  appliesIf(
    app.services.some((s) => s.kind === 'web'),
    'the app has no web service',
  );
